import ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { npuLayers, npuOpset } from '../../src/graph/npu-layers.ts';
import { createGraph, type GraphBuilder, type Value } from '../../src/graph/onnx.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { randomValues, smallDimensions } from '../support/random-checkpoint.ts';
import { floats } from './open-graph.ts';

interface Part {
  readonly axis: number;
  readonly from: number;
  readonly size: number;
}

/** Runs a graph of one input and as many results as `build` gives. */
async function results(
  dims: readonly number[],
  parts: readonly Part[],
  build: (graph: GraphBuilder, x: Value) => readonly Value[],
): Promise<Float32Array[]> {
  const graph = createGraph('parts', npuOpset);
  const taken = build(graph, graph.input('x', 'f32', dims));
  for (const [i, value] of taken.entries()) {
    const { axis, size } = parts[i]!;
    graph.output(
      `part_${i}`,
      value,
      'f32',
      dims.map((dim, at) => (at === axis ? size : dim)),
    );
  }
  const session = await ort.InferenceSession.create(graph.serialize());
  const count = dims.reduce((product, dim) => product * dim, 1);
  const given = await session.run({ x: floats(dims, randomValues(count, 3)) });
  await session.release();
  return taken.map((_, i) => given[`part_${i}`]!.data as Float32Array);
}

function sliced(dims: readonly number[], parts: readonly Part[]): Promise<Float32Array[]> {
  return results(dims, parts, (graph, x) =>
    parts.map(({ axis, from, size }) => {
      const one = (value: number) => graph.constant('i64', [1], [value]);
      return graph.op('Slice', [x, one(from), one(from + size), one(axis)]);
    }),
  );
}

const layersOf = (graph: GraphBuilder) => npuLayers(graph, layOutWeights([]), smallDimensions, 'f32');

describe('what NPU graphs take in place of Slice, which has no kernel that can be read of, gives its numbers:', () => {
  test.each<[string, readonly number[], number, readonly number[]]>([
    ['weights of a log and of new rows', [20, 9], 1, [7, 2]],
    ['new rows of each window', [8, 6, 5], 0, [2, 2, 2, 2]],
    ['two parts in the middle of three axes', [3, 7, 4], 1, [6, 1]],
  ])('%s', async (_, dims, axis, sizes) => {
    const parts = sizes.map((size, i) => {
      return { axis, size, from: sizes.slice(0, i).reduce((sum, before) => sum + before, 0) };
    });
    const split = await results(dims, parts, (graph, x) => layersOf(graph).split(x, axis, dims[axis]!, sizes));
    expect(split).toEqual(await sliced(dims, parts));
  });

  test.each<[string, readonly number[], number]>([
    ['the last of some tokens', [4, 16], 3],
    ['a head in the middle', [4, 5, 10], 2],
    ['the first row', [3, 2], 0],
  ])('%s', async (_, dims, index) => {
    const parts = [{ axis: 0, from: index, size: 1 }];
    const row = await results(dims, parts, (graph, x) => [layersOf(graph).row(x, dims[0]!, index)]);
    expect(row).toEqual(await sliced(dims, parts));
  });
});
