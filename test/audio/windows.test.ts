import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { windows } from '../../src/audio/windows.ts';

async function* streamOf(blocks: readonly Float32Array[]) {
  yield* blocks;
}

async function cut(blocks: readonly Float32Array[], windowSamples: number): Promise<number[][]> {
  const result: number[][] = [];
  for await (const window of windows(streamOf(blocks), windowSamples)) result.push([...window]);
  return result;
}

describe('windows', () => {
  test('are full but for the last, whatever the blocks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(12), { maxLength: 12 }),
        fc.integer({ min: 1, max: 7 }),
        async (lengths, size) => {
          let next = 0;
          const blocks = lengths.map((length) => Float32Array.from({ length }, () => next++));
          const expected: number[][] = [];
          for (let start = 0; start < next; start += size)
            expected.push(Array.from({ length: Math.min(size, next - start) }, (_, i) => start + i));
          expect(await cut(blocks, size)).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('there is none without samples', async () => {
    expect(await cut([], 4)).toEqual([]);
    expect(await cut([new Float32Array(0)], 4)).toEqual([]);
  });

  test('each is an array of its own', async () => {
    const kept: Float32Array[] = [];
    for await (const window of windows(streamOf([Float32Array.of(1, 2, 3, 4)]), 2)) kept.push(window);
    kept[0]?.fill(9);
    expect([...kept[1]!]).toEqual([3, 4]);
  });

  test('take no more of the stream than the window asked for needs', async () => {
    let nTaken = 0;
    async function* endless() {
      for (;;) {
        nTaken += 1;
        yield new Float32Array(3);
      }
    }
    await windows(endless(), 4).next();
    expect(nTaken).toBe(2);
  });

  test('of no length are refused', async () => {
    await expect(cut([new Float32Array(1)], 0)).rejects.toThrow(RangeError);
    await expect(cut([new Float32Array(1)], 1.5)).rejects.toThrow(RangeError);
  });
});
