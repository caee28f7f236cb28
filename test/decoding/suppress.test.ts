import { expect, test } from 'vitest';
import { suppressMask } from '../../src/decoding/suppress.ts';

test('a mask takes the listed tokens out and leaves the others as they are', () => {
  const none = Number.NEGATIVE_INFINITY;
  expect(suppressMask(5, [1, 4, 1])).toEqual(Float32Array.of(0, none, 0, 0, none));
  expect(suppressMask(2, [])).toEqual(new Float32Array(2));
});

test('a mask is as long as the vocabulary whatever it lists', () => {
  expect(suppressMask(3, [3, 50_000])).toEqual(new Float32Array(3));
});
