import { describe, expect, test } from 'vitest';
import { hopLength, logMelEnergies, normalise, nSamples } from '../../src/features/log-mel.ts';
import { LogMelSource, survey } from '../../src/transcribe/log-mel-source.ts';
import { expectClose } from '../support/compare.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import { recordingOf } from '../support/recordings.ts';

const nMels = 80;

/** Noise that grows louder towards three quarters of its length, so that the maximum lies far from the start. */
function noise(length: number): Float32Array {
  return randomValues(length, 3).map((value, i) => (value / 4) * Math.exp(-(((i / length - 0.75) * 8) ** 2)));
}

/** The whole spectrogram at once. */
function whole(samples: Float32Array): { mel: Float32Array; frames: number; max: number } {
  const frames = Math.floor((samples.length + nSamples) / hopLength);
  const range = { first: 0, count: frames, paddedLength: samples.length + nSamples };
  const { energies, max } = logMelEnergies(samples, nMels, range);
  return { mel: normalise(energies, max), frames, max };
}

describe('a first reading', () => {
  test.each([1, 100, 399, 16_000, 480_000, 480_001, 700_123])(
    'of %i samples finds what reading at once finds',
    async (length) => {
      const samples = noise(length);
      const found = await survey(recordingOf(samples), nMels);
      expect(found.sampleCount).toBe(length);
      expect(found.frameCount).toBe(Math.floor(length / hopLength));
      expect(found.maxEnergy).toBeCloseTo(whole(samples).max, 5);
      expect(found.beginning).toEqual(samples.slice(0, nSamples));
    },
  );

  test('of nothing finds nothing', async () => {
    const found = await survey(recordingOf(new Float32Array(0)), nMels);
    expect(found).toMatchObject({ sampleCount: 0, frameCount: 0 });
  });
});

describe('windows of a spectrogram', () => {
  test('are cut out of the whole, wherever they begin, and end in zeros', async () => {
    const samples = noise(700_123);
    const { mel, frames } = whole(samples);
    await using source = new LogMelSource(recordingOf(samples), await survey(recordingOf(samples), nMels), nMels);
    for (const [seek, size] of [
      [0, 3000],
      [0, 3000],
      [1234, 3000],
      [1240, 77],
      [3100, 4375 - 3100],
    ] as const) {
      source.dropBefore(seek);
      const { logMel: window, isSilent } = await source.window(seek, size);
      const cut = window.filter((_, i) => i % 3000 < size);
      expect(isSilent).toBe(cut.every((value) => value === cut[0]));
      const expected = new Float32Array(nMels * 3000);
      for (let band = 0; band < nMels; band++)
        expected.set(mel.subarray(band * frames + seek, band * frames + seek + size), band * 3000);
      expectClose(window, expected, 1e-5);
    }
  });
});
