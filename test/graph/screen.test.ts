import { describe, expect, test } from 'vitest';
import { blockSize, screenEmbedding, screenNames, screenShapes } from '../../src/graph/screen.ts';
import { randomValues } from '../support/random-checkpoint.ts';

describe("the embedding's 8-bit copy", () => {
  test.each([
    [384, 128],
    [512, 128],
    [768, 128],
    [1024, 128],
    [1280, 128],
    [64, 64],
    [96, 32],
    [16, 16],
  ])('of a state of %i shares scales between %i weights', (state, size) => {
    expect(blockSize(state)).toBe(size);
  });

  test('is refused for a state that the 8-bit product cannot take', () => {
    expect(() => blockSize(24)).toThrow('24');
  });

  test('has the shapes that MatMulNBits wants', () => {
    expect(screenShapes(51865, 384)).toEqual([
      [screenNames.values, { type: 'u8', shape: [51865, 3, 128] }],
      [screenNames.scales, { type: 'f32', shape: [51865 * 3] }],
    ]);
  });

  test('is within half a step of each weight, a step being a 127th of the largest of its block', () => {
    const [rows, state, size] = [6, 96, 32];
    const weights = randomValues(rows * state, 3).map((value, i) => value * 10 ** (Math.floor(i / size) % 5));
    const { values, scales } = screenEmbedding(weights, state);
    expect([values.length, scales.length]).toEqual([rows * state, rows * (state / size)]);
    for (const [i, weight] of weights.entries()) {
      const block = Math.floor(i / size);
      const largest = Math.max(...weights.subarray(block * size, (block + 1) * size).map(Math.abs));
      expect(scales[block]).toBe(Math.fround(largest / 127));
      expect(Math.abs((values[i]! - 128) * scales[block]! - weight)).toBeLessThanOrEqual((largest / 127) * 0.5001);
    }
  });

  test('holds the largest weight of either sign and a block of zeros', () => {
    const { values, scales } = screenEmbedding(
      Float32Array.from({ length: 32 }, (_, i) => [-5, 5, 0][i] ?? 0),
      16,
    );
    expect([...values.subarray(0, 3)]).toEqual([1, 255, 128]);
    expect([...values.subarray(16)]).toEqual(Array(16).fill(128));
    expect(scales[1]).toBeGreaterThan(0);
  });
});
