import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/decoding/random.ts';
import { argMax, logSumExp, max, sample, topK } from '../../src/logits/log-softmax.ts';

const values = fc.array(fc.float({ noNaN: true, min: -30, max: 30 }), { minLength: 1, maxLength: 40 });

describe('over logits', () => {
  test('logSumExp neither overflows nor loses what is masked', () => {
    expect(logSumExp(Float32Array.of(1000, 1000))).toBeCloseTo(1000 + Math.log(2), 9);
    expect(logSumExp(Float32Array.of(Number.NEGATIVE_INFINITY, 0))).toBe(0);
    expect(logSumExp(new Float32Array(3).fill(Number.NEGATIVE_INFINITY))).toBe(Number.NEGATIVE_INFINITY);
    expect(logSumExp(Float32Array.of(5, 0, 0), 1)).toBeCloseTo(Math.log(2), 9);
  });

  test('topK gives what sorting gives, the first of equals first', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 12 }), (list, count) => {
        const row = Float32Array.from(list);
        const sorted = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b);
        expect(topK(row, count)).toEqual(sorted.slice(0, count));
        expect(argMax(row)).toBe(sorted[0]);
        expect(max(row, 0, row.length)).toBe(row[sorted[0]!]);
      }),
    );
  });

  test('sampling draws as often as the probabilities say, and never what is masked', () => {
    const row = Float32Array.of(Math.log(0.5), Number.NEGATIVE_INFINITY, Math.log(0.3), Math.log(0.2));
    const random = seededRandom(7);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) counts[sample(row, 1, random)]!++;
    expect(counts[1]).toBe(0);
    for (const [i, share] of [0.5, 0, 0.3, 0.2].entries()) expect(counts[i]! / 20_000).toBeCloseTo(share, 1);
    // Warmer is flatter.
    const warm = [0, 0, 0, 0];
    for (let i = 0; i < 20_000; i++) warm[sample(row, 5, random)]!++;
    expect(warm[3]! / warm[0]!).toBeGreaterThan(0.7);
    expect(sample(row, 1, () => 0.999999999)).toBe(3);
  });
});
