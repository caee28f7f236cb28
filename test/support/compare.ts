import { expect } from 'vitest';

/** The largest absolute difference; NaN where a NaN is in the way, Infinity where lengths differ. */
function maxDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < expected.length; i++)
    largest = Math.max(largest, Math.abs(Number(actual[i]) - Number(expected[i])));
  return largest;
}

/** The cosine of the angle between two vectors: 1 where they point the same way. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Fails unless every number is within `tolerance` of the expected one. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4): void {
  expect(actual.length).toBe(expected.length);
  expect(maxDifference(actual, expected)).toBeLessThanOrEqual(tolerance);
}
