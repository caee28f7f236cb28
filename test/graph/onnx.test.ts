import ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { createGraph, type GraphBuilder } from '../../src/graph/onnx.ts';
import { graphFaults, readModel } from './onnx-reader.ts';
import { valuesOf } from './open-graph.ts';
import { ints, raw, strings } from './wire-reader.ts';

const read = (graph: GraphBuilder) => readModel(graph.serialize());

/** (x + 1) * (x + 1) - 1, split in two. */
function sample(): GraphBuilder {
  const graph = createGraph('sample', 17);
  const x = graph.input('x', 'f32', ['rows', 4]);
  const one = () => graph.constant('f32', [1], [1]);
  const sum = graph.op('Add', [x, one()]);
  const [left, right] = graph.ops('Split', [graph.op('Sub', [graph.op('Mul', [sum, sum]), one()])], 2, { axis: 1 });
  graph.output('left', left!, 'f32', ['rows', 2]);
  graph.output('right', right!, 'f32', ['rows', 2]);
  return graph;
}

describe('the ONNX builder', () => {
  test('makes a model that ONNX Runtime runs', async () => {
    const session = await ort.InferenceSession.create(sample().serialize());
    const x = new ort.Tensor('float32', Float32Array.of(0, 1, 2, 3), [1, 4]);
    const { left, right } = await session.run({ x });
    await session.release();
    expect([...valuesOf(left), ...valuesOf(right)]).toEqual([0, 3, 8, 15]);
  });

  test('writes the model header, the graph name and the shapes of inputs and outputs', () => {
    const model = read(sample());
    expect(model).toMatchObject({ name: 'sample', irVersion: 8, opsets: [{ domain: '', version: 17 }] });
    expect(model.inputs).toEqual([{ name: 'x', type: 1, dims: ['rows', 4] }]);
    expect(model.outputs.map(({ name, dims }) => [name, dims])).toEqual([
      ['left', ['rows', 2]],
      ['right', ['rows', 2]],
    ]);
  });

  test('names every node and every value once, and uses none before it is known', () => {
    expect(graphFaults(read(sample()))).toEqual([]);
  });

  test('shares equal constants and keeps apart those that differ in type, shape or value', () => {
    const graph = createGraph('constants', 17);
    const name = (...args: Parameters<GraphBuilder['constant']>) => graph.constant(...args).name;
    const constants = [
      name('i64', [1], [1]),
      name('i32', [1], [1]),
      name('i64', [], [1]),
      name('i64', [1], [2]),
      name('i64', [1, 2], [1, 2]),
      name('i64', [2, 1], [1, 2]),
      name('f32', [1], [1]),
      name('bool', [1], [1]),
    ];
    expect(new Set(constants).size).toBe(constants.length);
    expect(name('i64', [1], [1])).toBe(constants[0]);
    expect(read(graph).initializers).toHaveLength(constants.length);
  });

  test('writes constants in the bytes of their type', () => {
    const graph = createGraph('constants', 17);
    graph.constant('i64', [2], [-1, 2 ** 40]);
    graph.constant('i32', [1], [-2]);
    graph.constant('f32', [], [Number.NEGATIVE_INFINITY]);
    graph.constant('bool', [2], [1, 0]);
    const constants = read(graph).initializers.map(({ type, dims, data = [] }) => [
      type,
      dims,
      Buffer.from(data).toString('hex'),
    ]);
    expect(constants).toEqual([
      [7, [2], 'ffffffffffffffff0000000000010000'],
      [6, [1], 'feffffff'],
      [1, [], '000080ff'],
      [9, [2], '0100'],
    ]);
  });

  test('keeps the place of an operand that is left out', () => {
    const graph = createGraph('optional', 17);
    const x = graph.input('x', 'f32', [1]);
    graph.op('Clip', [x, undefined, x]);
    expect(read(graph).nodes[0]?.inputs).toEqual(['x', '', 'x']);
  });

  test('tells integer, float, text and list attributes apart', () => {
    const graph = createGraph('attributes', 17);
    graph.op('Any', [], { int: -1, float: { float: 0.5 }, text: 'same', list: [3, -1] });
    const attributes = read(graph).nodes[0]!.attributes;
    const attribute = (name: string) => attributes.get(name)!;
    expect([ints(attribute('int'), 3), ints(attribute('int'), 20)]).toEqual([[-1], [2]]);
    expect([raw(attribute('float'), 2), ints(attribute('float'), 20)]).toEqual([[Uint8Array.of(0, 0, 0, 0x3f)], [1]]);
    expect([strings(attribute('text'), 4), ints(attribute('text'), 20)]).toEqual([['same'], [3]]);
    expect([ints(attribute('list'), 8), ints(attribute('list'), 20)]).toEqual([[3, -1], [7]]);
  });

  test('points to external data by location, offset and length, and holds each weight once', () => {
    const graph = createGraph('external', 17);
    const data = { location: 'weights.bin', offset: 5_000_000_000, sizeBytes: 24 };
    const weight = graph.external('w', 'f32', [2, 3], data);
    expect(graph.external('w', 'f32', [2, 3], data)).toBe(weight);
    expect(read(graph).initializers).toEqual([
      {
        name: 'w',
        type: 1,
        dims: [2, 3],
        data: undefined,
        location: 1,
        external: [
          ['location', 'weights.bin'],
          ['offset', '5000000000'],
          ['length', '24'],
        ],
      },
    ]);
  });
});
