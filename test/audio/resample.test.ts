import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createResampler } from '../../src/audio/resample.ts';
import { concatenate, sine } from './wav-bytes.ts';

const toRate = 16_000;

function resample(samples: Float32Array, fromRate: number, cuts: readonly number[] = []): Float32Array {
  const resampler = createResampler(fromRate, toRate);
  const ends = [...cuts, samples.length].sort((a, b) => a - b);
  const blocks = ends.map((end, i) => resampler.push(samples.subarray(ends[i - 1] ?? 0, end)));
  return concatenate([...blocks, resampler.flush()]);
}

/** Level of a signal against a full-scale sine, away from its ends, where it sets in and stops abruptly. */
function decibels(samples: Float32Array): number {
  const inner = samples.subarray(800, -800);
  const power = inner.reduce((sum, x) => sum + x * x, 0) / inner.length;
  return 10 * Math.log10(2 * power);
}

function tone(hertz: number, fromRate: number): Float32Array {
  return resample(sine(hertz, fromRate, fromRate / 2), fromRate);
}

describe('a resampler', () => {
  test.each([8000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000])(
    'from %i Hz keeps a tone in place: signal to error above 90 dB',
    (fromRate) => {
      const output = tone(1000.5, fromRate);
      const wanted = sine(1000.5, toRate, output.length);
      expect(decibels(output.map((x, i) => x - (wanted[i] ?? 0)))).toBeLessThan(-90);
    },
  );

  test.each([22_050, 44_100, 44_101, 48_000])('from %i Hz is flat up to 7.2 kHz within 0.01 dB', (fromRate) => {
    for (const hertz of [50, 440, 3000, 6000, 7000, 7200])
      expect(Math.abs(decibels(tone(hertz, fromRate)))).toBeLessThan(0.01);
  });

  test.each([22_050, 44_100, 44_101, 48_000, 96_000])('from %i Hz lets no tone above 8 kHz through', (fromRate) => {
    for (const hertz of [8000.5, 8050, 8300, 9000, 10_000, fromRate / 2 - 100])
      expect(decibels(tone(hertz, fromRate))).toBeLessThan(-90);
  });

  test('makes no images of a tone when it raises the rate', () => {
    const output = tone(3000, 8000);
    const wanted = sine(3000, toRate, output.length);
    expect(decibels(output.map((x, i) => x - (wanted[i] ?? 0)))).toBeLessThan(-90);
  });

  test.each([8000, 44_100, 44_101, 48_000])('from %i Hz passes a constant unchanged', (fromRate) => {
    const inner = resample(new Float32Array(fromRate).fill(0.5), fromRate).subarray(800, -800);
    for (const x of inner) expect(x).toBeCloseTo(0.5, 6);
  });

  test('gives the same samples however the input is cut into blocks', () => {
    const samples = Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i * i * 1e-4));
    for (const fromRate of [8000, 44_100, 44_101, 48_000]) {
      const whole = resample(samples, fromRate);
      fc.assert(
        fc.property(fc.array(fc.nat(samples.length), { maxLength: 8 }), (cuts) => {
          expect(resample(samples, fromRate, cuts)).toEqual(whole);
        }),
        { numRuns: 8 },
      );
    }
  });

  test('gives ceil(n * to / from) samples for n', () => {
    fc.assert(
      fc.property(fc.constantFrom(8000, 11_025, 44_100, 48_000, 1000, 384_000), fc.nat(5000), (fromRate, n) => {
        expect(resample(new Float32Array(n), fromRate).length).toBe(Math.ceil((n * toRate) / fromRate));
      }),
      { numRuns: 40 },
    );
  });

  test('gives what is settled as it goes, not all at the end', () => {
    expect(createResampler(48_000, toRate).push(new Float32Array(48_000)).length).toBeGreaterThan(15_900);
  });

  test('designs of its filter what is used, and once for recordings of one rate', () => {
    const sine = vi.spyOn(Math, 'sin');
    const first = createResampler(383_999, toRate).push(new Float32Array(2000));
    const forFirst = sine.mock.calls.length;
    createResampler(383_999, toRate).push(new Float32Array(2000));
    const forBoth = sine.mock.calls.length;
    sine.mockRestore();
    const filterTaps = 3000; // or nearly
    expect(forFirst).toBeLessThanOrEqual(2 * first.length * filterTaps);
    expect(forBoth).toBe(forFirst);
  });

  test('hands blocks through at equal rates', () => {
    const block = Float32Array.of(0.1, -0.2);
    const resampler = createResampler(toRate, toRate);
    expect(resampler.push(block)).toBe(block);
    expect(resampler.flush().length).toBe(0);
  });
});
