import { describe, expect, test } from 'vitest';
import { studentT975, summarize } from '../../src/bench/stats.ts';

describe('summarize', () => {
  test('says nothing of no values', () => {
    expect(summarize([])).toBeUndefined();
  });

  test('a single value is every percentile and has no interval', () => {
    const summary = summarize([7]);
    expect(summary).toEqual({ count: 1, min: 7, mean: 7, p50: 7, p90: 7, p99: 7, max: 7, standardDeviation: 0 });
  });

  // numpy 2: np.percentile(x, [50, 90, 99]), x.mean(), x.std(ddof=1); scipy: stats.t.interval(0.95, n - 1, mean, sem).
  test('gives numpy’s percentiles and scipy’s interval', () => {
    const summary = summarize([12.1, 11.4, 35, 11.9, 12.6, 11.8, 12, 13.3, 11.5, 12.2]);
    expect(summary).toMatchObject({ count: 10, min: 11.4, max: 35 });
    expect(summary?.mean).toBeCloseTo(14.38, 9);
    expect(summary?.p50).toBeCloseTo(12.05, 9);
    expect(summary?.p90).toBeCloseTo(15.47, 9);
    expect(summary?.p99).toBeCloseTo(33.047, 9);
    expect(summary?.standardDeviation).toBeCloseTo(7.2657186, 5);
    expect(summary?.meanCi95?.[0]).toBeCloseTo(9.182418, 4);
    expect(summary?.meanCi95?.[1]).toBeCloseTo(19.577582, 4);
  });

  test('the P99 of twenty runs lies between the two slowest', () => {
    const runs = Array.from({ length: 20 }, (_, i) => i + 1);
    expect(summarize(runs)?.p99).toBeCloseTo(19.81, 9);
  });

  test('does not depend on the order', () => {
    expect(summarize([3, 1, 2])).toEqual(summarize([1, 2, 3]));
  });

  test('equal values have an interval of no width', () => {
    expect(summarize([5, 5, 5])?.meanCi95).toEqual([5, 5]);
  });

  test('refuses what is no measurement', () => {
    expect(() => summarize([1, Number.NaN])).toThrow(RangeError);
  });
});

// scipy.stats.t.ppf(0.975, n)
test.each([
  [1, 12.7062],
  [2, 4.302653],
  [9, 2.262157],
  [10, 2.228139],
  [11, 2.200985],
  [19, 2.093024],
  [30, 2.042272],
  [99, 1.984217],
  [1000, 1.962339],
])('with %i degrees of freedom, t is %f', (degrees, expected) => {
  expect(studentT975(degrees)).toBeCloseTo(expected, 4);
});
