import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { niceTicks, scaleTo, shortNumber } from '../../src/report/scale.ts';

const written = (...[values, options]: Parameters<typeof niceTicks>) => {
  const ticks = niceTicks(values, options);
  return ticks.values.map(ticks.format);
};

describe('niceTicks', () => {
  test.each([
    ['some latencies', [11.2, 13.9], ['11', '12', '13', '14']],
    ['values near 1', [0.9999962, 1], ['0.999996', '0.999997', '0.999998', '0.999999', '1.000000']],
    ['below zero', [-3, 4], ['-4', '-2', '0', '2', '4']],
    ['one value', [5], ['4.6', '4.8', '5.0', '5.2', '5.4']],
    ['only zeros', [0, 0], ['0.0', '0.5', '1.0']],
    ['nothing', [], ['0.0', '0.5', '1.0']],
    ['nothing that is a number', [Number.NaN, Number.POSITIVE_INFINITY], ['0.0', '0.5', '1.0']],
    ['tiny differences', [0, 4e-11], ['0', '1e-11', '2e-11', '3e-11', '4e-11']],
  ])('of %s', (_, values, expected) => {
    expect(written(values)).toEqual(expected);
  });

  test('begins at zero where that is asked for', () => {
    expect(written([37, 38], { fromZero: true })).toEqual(['0', '10', '20', '30', '40']);
  });

  test('encloses any values with a handful of ascending ticks', () => {
    const numbers = fc.double({ noNaN: true, min: -1e12, max: 1e12 });
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1, maxLength: 20 }), fc.boolean(), (values, fromZero) => {
        const { values: ticks } = niceTicks(values, { fromZero });
        const room = 1e-6 * Math.max(...values.map(Math.abs)) + 1e-300;
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThan(12);
        expect(ticks[0]).toBeLessThanOrEqual(Math.min(...values) + room);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(Math.max(...values) - room);
        for (const [i, tick] of ticks.entries()) if (i > 0) expect(tick).toBeGreaterThan(ticks[i - 1]!);
      }),
    );
  });
});

test('scaleTo maps the first tick to the start and the last to the end', () => {
  const scale = scaleTo({ values: [10, 20, 30], format: String }, 100, 0);
  expect([10, 15, 30].map(scale)).toEqual([100, 75, 0]);
});

test.each([
  [12, '12'],
  [12.3456, '12.35'],
  [1234.56, '1235'],
  [0.00001234, '1.23e-5'],
  [Number.NaN, '–'],
])('%d is written %s', (value, text) => {
  expect(shortNumber(value)).toBe(text);
});
