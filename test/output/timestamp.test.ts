import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timestamp, wholeMs } from '../../src/output/timestamp.ts';

describe('whole milliseconds', () => {
  test.each([
    [0, 0],
    [0.0005, 0], // halves go to the even number, as Python's round has it
    [0.0015, 2],
    [0.0025, 2],
    [1.9996, 2000],
    [29.979999999999997, 29980],
    [-0.001, 0],
  ])('%d s is %i ms', (seconds, ms) => {
    expect(wholeMs(seconds)).toBe(ms);
  });

  test('times in order stay in order', () => {
    const time = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(wholeMs(Math.min(a, b))).toBeLessThanOrEqual(wholeMs(Math.max(a, b)));
      }),
    );
  });
});

describe('a timestamp', () => {
  test.each([
    [0, '00:00.000', '00:00:00,000'],
    [59.9996, '01:00.000', '00:01:00,000'],
    [3599.9994, '59:59.999', '00:59:59,999'],
    [3599.9996, '01:00:00.000', '01:00:00,000'],
    [360_000.5, '100:00:00.500', '100:00:00,500'],
  ])('%d s shows hours where there are any, or always', (seconds, ifAny, always) => {
    expect(timestamp(seconds, 'if any', '.')).toBe(ifAny);
    expect(timestamp(seconds, 'always', ',')).toBe(always);
  });
});
