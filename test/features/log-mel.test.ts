import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { logMelEnergies, logMelSpectrogram, nFrames, normalise, nSamples } from '../../src/features/log-mel.ts';
import { readNpy, shared } from '../support/shared.ts';
import { naiveEnergies } from './naive-log-mel.ts';

const sampleClip = fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url));

/** Samples of a 16-bit mono WAV file. */
function readSamples(path: string): Float32Array {
  const bytes = readFileSync(path);
  const data = bytes.indexOf('data', 12, 'latin1') + 8;
  const count = Math.min(bytes.readUInt32LE(data - 4), bytes.length - data) / 2;
  return Float32Array.from({ length: count }, (_, i) => bytes.readInt16LE(data + 2 * i) / 32_768);
}

/** The same noise each time: a linear congruential generator, -0.5 … 0.5. */
function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  // Written so that a NaN on either side counts as infinitely far.
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}

/** Frame `frame` of [nMels, frames]. */
function column(logMel: Float32Array, frame: number, frames: number): number[] {
  return Array.from({ length: logMel.length / frames }, (_, m) => logMel[m * frames + frame]!);
}

const window = { first: 0, count: nFrames, paddedLength: nSamples };

describe('logMelSpectrogram', () => {
  test.skipIf(!shared).each(['jfk', 'espeak-en-16k'])("equals openai/whisper's for %s", (name) => {
    const golden = readNpy(join(shared!, `golden/whisper-base/${name}.log_mel.npy`));
    const logMel = logMelSpectrogram(readSamples(join(shared!, `audio/${name}.wav`)), 80);
    expect(golden.shape).toEqual([80, 3000]);
    expect(largestDifference(logMel, golden.data)).toBeLessThan(1e-4);
  });

  test("equals openai/whisper's at some points of the sample clip", () => {
    const frames = [1, 57, 130, 320, 2999];
    const expected: Record<number, number[]> = {
      0: [-0.301068, 0.310146, 0.386915, 0.346296, -0.727737],
      20: [0.082065, 0.313807, 0.376608, 0.37475, -0.727737],
      40: [0.121531, 0.382814, 0.024183, 0.352942, -0.727737],
      60: [-0.04617, 0.553027, 0.197303, 0.34946, -0.727737],
      79: [-0.082884, -0.311758, -0.303915, -0.309112, -0.727737],
    };
    const logMel = logMelSpectrogram(readSamples(sampleClip), 80);
    for (const [m, values] of Object.entries(expected)) {
      const got = frames.map((frame) => logMel[Number(m) * nFrames + frame]!);
      expect(largestDifference(got, values), `mel ${m}`).toBeLessThan(1e-4);
    }
  });

  test.each([80, 128])('gives %d bands of 3000 finite frames that span 2 at most', (nMels) => {
    const logMel = logMelSpectrogram(noise(20_000), nMels);
    expect(logMel).toHaveLength(nMels * 3000);
    expect(logMel.every(Number.isFinite)).toBe(true);
    const [min, max] = logMel.reduce(([low, high], x) => [Math.min(low!, x), Math.max(high!, x)], [9, -9]);
    expect(max! - min!).toBeCloseTo(2, 6);
  });

  test.each([0, 1, 100])('takes %d samples of silence: every value is (log10(1e-10) + 4) / 4', (length) => {
    const logMel = logMelSpectrogram(new Float32Array(length), 80);
    expect(logMel).toHaveLength(80 * 3000);
    expect(logMel.every((value) => value === -1.5)).toBe(true);
  });

  test('takes a whole window, and refuses one sample more', () => {
    expect(logMelSpectrogram(noise(480_000), 80)).toHaveLength(80 * 3000);
    expect(() => logMelSpectrogram(new Float32Array(480_001), 80)).toThrow(RangeError);
  });

  test('makes padding exactly as if its zeros were samples', () => {
    for (const length of [1, 119, 120, 121, 16_000, 16_123, 479_799, 479_999]) {
      const samples = noise(length);
      const padded = new Float32Array(nSamples);
      padded.set(samples);
      const difference = largestDifference(logMelSpectrogram(samples, 80), logMelSpectrogram(padded, 80));
      expect(difference, `${length} samples`).toBeLessThan(1e-6);
    }
  });
});

describe('logMelEnergies', () => {
  test.each([
    [480_000, 80, [0, 1, 2, 1501, 2997, 2998, 2999]],
    [480_000, 128, [0, 1234, 2999]],
    // 16 077 samples: frame 101 begins at 15 960 and is the last to hear any.
    [16_077, 80, [0, 99, 100, 101, 102, 2999]],
    [100, 80, [0, 1, 2]],
    [1, 80, [0, 1, 2]],
  ])('of %d samples in %d bands equal the definition, at the edges too', (length, nMels, frames) => {
    const samples = noise(length);
    const { energies } = logMelEnergies(samples, nMels, window);
    for (const frame of frames) {
      const expected = naiveEnergies(samples, nMels, frame, nSamples);
      expect(largestDifference(column(energies, frame, nFrames), expected), `frame ${frame}`).toBeLessThan(1e-5);
    }
  });

  test('keep a whisper next to a shout: frames that share a transform do not leak', () => {
    const samples = noise(4000).map((x, i) => (i < 1200 ? x : x * 1e-4));
    const { energies } = logMelEnergies(samples, 80, window);
    for (const frame of [8, 9, 10]) {
      const expected = naiveEnergies(samples, 80, frame, nSamples);
      expect(largestDifference(column(energies, frame, nFrames), expected), `frame ${frame}`).toBeLessThan(1e-5);
    }
  });

  test('of a long recording are the same in pieces, and so is their maximum', () => {
    const samples = noise(160 * 1000 + 33);
    const paddedLength = samples.length + nSamples;
    const whole = logMelEnergies(samples, 80, { first: 0, count: 1200, paddedLength });
    const maxima = [0, 333, 700, 1000, 1150].map((first, i, starts) => {
      const count = (starts[i + 1] ?? 1200) - first;
      const piece = logMelEnergies(samples, 80, { first, count, paddedLength });
      for (let m = 0; m < 80; m++) {
        const expected = whole.energies.subarray(m * 1200 + first, m * 1200 + first + count);
        expect(largestDifference(piece.energies.subarray(m * count, (m + 1) * count), expected)).toBeLessThan(1e-6);
      }
      return piece.max;
    });
    expect(Math.max(...maxima)).toBeCloseTo(whole.max, 12);
    expect(maxima.at(-1), 'a piece of padding').toBe(-10);
  });

  test('give the largest value as the maximum', () => {
    const { energies, max } = logMelEnergies(noise(20_000), 80, window);
    expect(Math.fround(max)).toBe(energies.reduce((a, b) => Math.max(a, b)));
  });
});

describe('normalise', () => {
  test('clamps to eight below the given maximum, then scales', () => {
    const energies = Float32Array.of(-10, -6, -5, 0, 2);
    expect(normalise(energies, 2)).toEqual(Float32Array.of(-0.5, -0.5, -0.25, 1, 1.5));
    expect(normalise(energies, 4)).toEqual(Float32Array.of(0, 0, 0, 1, 1.5));
    expect(energies[0], 'the input stays').toBe(-10);
  });
});
