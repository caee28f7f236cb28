import fc from 'fast-check';
import { expect, test } from 'vitest';
import { probabilityOfChance } from '../../src/bench/rank-test.ts';

// scipy.stats.mannwhitneyu(b, a, alternative='greater', method='asymptotic', use_continuity=True).pvalue
test.each([
  ['b above a', [1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 0.0060929],
  ['ties', [1, 2, 2, 3, 5, 5], [2, 3, 5, 6, 6, 7, 8], 0.0298372],
  ['b below a', [10, 11, 12, 13], [1, 2, 3, 11], 0.9789668],
  ['all equal', [1, 1, 1], [1, 1, 1], 1],
])('%s: as scipy has it', (_, a, b, expected) => {
  expect(probabilityOfChance(a, b)).toBeCloseTo(expected, 6);
});

test('one run that was interrupted for a minute does not make a difference', () => {
  const runs = [10, 11, 10.5, 10.2, 10.8, 10.4, 10.9, 10.1];
  expect(probabilityOfChance(runs, [...runs.slice(1), 60_000])).toBeGreaterThan(0.1);
});

test('is a probability, whatever the values', () => {
  const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(values, values, (a, b) => {
      const p = probabilityOfChance(a, b);
      expect(p).toBeGreaterThanOrEqual(0);
      expect(p).toBeLessThanOrEqual(1);
    }),
  );
});
