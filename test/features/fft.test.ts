import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fft, planFft } from '../../src/features/fft.ts';
import { naiveDft } from './naive-log-mel.ts';

describe('fft', () => {
  test('equals the definition for every mix of fours and fives', () => {
    const value = fc.double({ min: -1, max: 1, noNaN: true });
    const signal = fc
      .constantFrom(1, 4, 5, 16, 20, 25, 64, 80, 100, 400)
      .chain((n) => fc.tuple(...[0, 1].map(() => fc.array(value, { minLength: n, maxLength: n }))));
    fc.assert(
      fc.property(signal, ([real = [], imaginary = []]) => {
        const re = Float64Array.from(real);
        const im = Float64Array.from(imaginary);
        const expected = naiveDft(re, im);
        fft(planFft(re.length), re, im);
        const error = Math.max(...re.map((x, k) => Math.hypot(x - expected.re[k]!, im[k]! - expected.im[k]!)));
        expect(error).toBeLessThan(1e-11);
      }),
      { numRuns: 60 },
    );
  });

  test('puts a pure tone in its own bin', () => {
    const re = Float64Array.from({ length: 400 }, (_, i) => Math.cos((2 * Math.PI * 7 * i) / 400));
    const im = Float64Array.from({ length: 400 }, (_, i) => Math.sin((2 * Math.PI * 7 * i) / 400));
    fft(planFft(400), re, im);
    expect(re[7]).toBeCloseTo(400, 9);
    expect(re.reduce((sum, x, k) => sum + Math.hypot(x, im[k]!), 0)).toBeCloseTo(400, 9);
  });

  test('a plan gives the same result each time it is used', () => {
    const plan = planFft(400);
    const transform = () => {
      const re = Float64Array.from({ length: 400 }, (_, i) => (i * i) % 17);
      fft(plan, re, new Float64Array(400));
      return re;
    };
    expect(transform()).toEqual(transform());
  });

  test.each([0, -4, 7, 2.5, 512 * 3, Number.NaN])('refuses length %d', (length) => {
    expect(() => planFft(length)).toThrow(RangeError);
  });
});
