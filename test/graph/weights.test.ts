import { describe, expect, test } from 'vitest';
import { createGraph } from '../../src/graph/onnx.ts';
import { layOutWeights, optionalWeight, weight } from '../../src/graph/weights.ts';
import { readModel } from './onnx-reader.ts';

const layout = layOutWeights([
  ['a', { type: 'f32', shape: [1, 5] }],
  ['b', { type: 'f32', shape: [16] }],
  ['c', { type: 'u8', shape: [3] }],
]);

describe('the weights file', () => {
  test('holds the tensors one behind the other, each at a multiple of 64 bytes', () => {
    expect([...layout.tensors]).toEqual([
      ['a', { type: 'f32', shape: [1, 5], offset: 0, sizeBytes: 20 }],
      ['b', { type: 'f32', shape: [16], offset: 64, sizeBytes: 64 }],
      ['c', { type: 'u8', shape: [3], offset: 128, sizeBytes: 3 }],
    ]);
    expect(layout.sizeBytes).toBe(131);
  });

  test('can be larger than 4 GiB', () => {
    const large = layOutWeights([
      ['a', { type: 'f32', shape: [2 ** 30, 2] }],
      ['b', { type: 'f32', shape: [1] }],
    ]);
    expect(large.tensors.get('b')?.offset).toBe(2 ** 33);
  });
});

describe('a weight in a graph', () => {
  test('is where the layout puts it', () => {
    const graph = createGraph('weights', 17);
    expect(weight(graph, layout, 'b').name).toBe('b');
    expect(readModel(graph.serialize()).initializers).toMatchObject([
      {
        dims: [16],
        external: [
          ['location', 'weights.bin'],
          ['offset', '64'],
          ['length', '64'],
        ],
      },
    ]);
  });

  test('is left out where the checkpoint has none, if it may be', () => {
    const graph = createGraph('weights', 17);
    expect(optionalWeight(graph, layout, 'k_proj.bias')).toBeUndefined();
    expect(() => weight(graph, layout, 'fc1.weight')).toThrow('fc1.weight');
    expect(readModel(graph.serialize()).initializers).toEqual([]);
  });
});
