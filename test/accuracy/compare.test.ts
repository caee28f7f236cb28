import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareLogits, compareVectors } from '../../src/accuracy/compare.ts';

const floats = (...values: number[]) => Float32Array.from(values);
const none = (n: number) => new Float32Array(n);

describe('compareVectors', () => {
  test('gives exactly 0 and 1 for equal vectors', () => {
    fc.assert(
      fc.property(fc.float32Array({ min: -100, max: 100, noNaN: true, minLength: 1 }), (values) => {
        fc.pre(values.some((value) => Math.abs(value) > 1e-3));
        expect(compareVectors(values, values.slice())).toEqual({ maxAbs: 0, cosine: 1, relative: 0 });
      }),
    );
  });

  test('measures differences', () => {
    const { maxAbs, cosine, relative } = compareVectors(floats(3, 4), floats(4, 3));
    expect(maxAbs).toBe(1);
    expect(cosine).toBeCloseTo(24 / 25, 15);
    expect(relative).toBeCloseTo(Math.SQRT2 / 5, 15);
  });

  test('a number that is missing on either side is missing in the result', () => {
    for (const [a, b] of [
      [floats(1, Number.NaN, 3), floats(1, 2, 3)],
      [floats(1, 2, 3), floats(1, Number.NaN, 3)],
    ] as const) {
      expect(compareVectors(a, b)).toEqual({ maxAbs: Number.NaN, cosine: Number.NaN, relative: Number.NaN });
    }
  });

  test('refuses vectors of different lengths', () => {
    expect(() => compareVectors(floats(1), floats(1, 2))).toThrow(RangeError);
  });
});

describe('compareLogits', () => {
  test('gives exactly nothing for equal logits', () => {
    const logits = floats(1, -2, 30, 4);
    expect(compareLogits(logits, logits.slice(), none(4), 2)).toEqual({
      token: 2,
      maxProbabilityDifferencePercent: 0,
      cosine: 1,
      klDivergence: 0,
      sameTop1: true,
      rank: 1,
    });
  });

  test('gives what can be worked out by hand', () => {
    // Probabilities 1/2, 1/4, 1/4 and 1/4, 1/4, 1/2.
    const reference = floats(Math.log(2), 0, 0);
    const tested = floats(5, 5, 5 + Math.log(2));
    const result = compareLogits(reference, tested, none(3), 0);
    expect(result.maxProbabilityDifferencePercent).toBeCloseTo(25, 4);
    expect(result.klDivergence).toBeCloseTo(0.5 * Math.log(2) - 0.25 * Math.log(2), 6);
    expect(result).toMatchObject({ sameTop1: false, rank: 2 });
  });

  test('looks only at what may be chosen for top 1 and rank', () => {
    const suppress = floats(0, -Infinity, 0);
    const result = compareLogits(floats(1, 9, 0), floats(2, 9, 3), suppress, 0);
    expect(result).toMatchObject({ sameTop1: false, rank: 2 });
    expect(compareLogits(floats(1, 9, 0), floats(2, 0, 1), suppress, 0)).toMatchObject({ sameTop1: true, rank: 1 });
  });

  test('large logits do not overflow', () => {
    const result = compareLogits(floats(1000, 0), floats(0, 1000), none(2), 0);
    expect(result.maxProbabilityDifferencePercent).toBe(100);
    expect(result.klDivergence).toBeCloseTo(1000, 6);
  });

  test('logits that are no numbers differ without measure, and rank last', () => {
    const result = compareLogits(floats(1, 2, 3), floats(Number.NaN, 2, 3), none(3), 0);
    expect(result.maxProbabilityDifferencePercent).toBeNaN();
    expect(result.klDivergence).toBeNaN();
    expect(result.rank).toBe(4);
  });

  test('keeps within its bounds', () => {
    const logits = fc.float32Array({ min: -40, max: 40, noNaN: true, minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(logits, logits, fc.nat(11), (a, b, token) => {
        const { maxProbabilityDifferencePercent, klDivergence, rank } = compareLogits(a, b, none(12), token);
        expect(maxProbabilityDifferencePercent).toBeGreaterThanOrEqual(0);
        expect(maxProbabilityDifferencePercent).toBeLessThanOrEqual(100);
        expect(klDivergence).toBeGreaterThanOrEqual(0);
        expect(rank).toBe(1 + b.filter((value) => value > b[token]!).length);
      }),
    );
  });
});
