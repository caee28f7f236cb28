import { describe, expect, test } from 'vitest';
import { npuDecoderGraph } from '../../src/graph/npu-decoder.ts';
import { npuEncoderGraph } from '../../src/graph/npu-encoder.ts';
import { npuGreedyGraph } from '../../src/graph/npu-greedy.ts';
import { type NpuDtype, npuLayers, npuWeightType } from '../../src/graph/npu-layers.ts';
import { npuRowsGraph } from '../../src/graph/npu-rows.ts';
import { createGraph, elementType } from '../../src/graph/onnx.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { smallDimensions as dimensions } from '../support/random-checkpoint.ts';
import { graphFaults, readModel } from './onnx-reader.ts';

/** What atc's parser translates rightly at operator set 16, and has an AI Core kernel on a 910B. */
const allowed = new Set(
  (
    'Add ArgMax Cast Concat Conv Div Erf Expand Gather Gemm Identity Less MatMul Mul Pow ReduceLogSumExp ReduceMax ' +
    'ReduceMean Reshape Softmax Split Sqrt Sub Transpose Unsqueeze Where'
  ).split(' '),
);

/** Attributes that atc must find written out, because its defaults differ from ONNX's or it has none. */
const required: Readonly<Record<string, readonly string[]>> = {
  ArgMax: ['axis', 'keepdims'],
  Concat: ['axis'],
  Conv: ['kernel_shape', 'pads', 'strides'],
  Gather: ['axis'],
  ReduceLogSumExp: ['axes', 'keepdims'],
  ReduceMax: ['axes', 'keepdims'],
  ReduceMean: ['axes', 'keepdims'],
  Softmax: ['axis'],
  Split: ['axis'],
  Transpose: ['perm'],
};

const alignmentHeads = [
  [0, 2],
  [2, 1],
] as const;

function layoutOf(dtype: NpuDtype) {
  return layOutWeights(
    Array.from(whisperTensors(dimensions), ([name, shape]) => [name, { type: npuWeightType(name, dtype), shape }]),
  );
}

describe('what of a value the NPU’s layers take', () => {
  const layers = npuLayers(createGraph('parts', 16), layoutOf('f32'), dimensions, 'f32');
  const x = { name: 'x' };

  test.each([[[2, 3]], [[2, 2, 1]], [[6, 0]], [[7, -1]], [[2.5, 3.5]]])('is no split of 6 into %j', (sizes) => {
    expect(() => layers.split(x, 0, 6, sizes)).toThrow('axis of 6');
  });

  test.each([6, -1, 0.5])('is no row %d of 6', (index) => {
    expect(() => layers.row(x, 6, index)).toThrow(`row ${index}`);
  });
});

const kinds = { eot: 30, timestampBegin: 34 };

describe.each(['f32', 'f16'] as const)('the NPU graphs in %s', (dtype) => {
  const layout = layoutOf(dtype);
  const graphs: [string, Uint8Array][] = [
    ['encoder', npuEncoderGraph(dimensions, layout, dtype)],
    ['step', npuDecoderGraph(dimensions, layout, dtype, 1)],
    ['prefill', npuDecoderGraph(dimensions, layout, dtype, 4)],
    ['rows', npuRowsGraph(dimensions, layout, dtype, { rows: 5, windows: 1, capacity: 21 })],
    ['beams', npuRowsGraph(dimensions, layout, dtype, { rows: 5, windows: 1, capacity: 21, candidates: 10 })],
    ['windows', npuRowsGraph(dimensions, layout, dtype, { rows: 6, windows: 2, capacity: 21 })],
    ['long prefill', npuRowsGraph(dimensions, layout, dtype, { rows: 17, windows: 1, capacity: 14 })],
    ['greedy', npuGreedyGraph(dimensions, layout, dtype, { windows: 1, capacity: 14, kinds })],
    ['greedy windows', npuGreedyGraph(dimensions, layout, dtype, { windows: 3, capacity: 14, kinds })],
    ['aligner', npuRowsGraph(dimensions, layout, dtype, { rows: 17, windows: 1, capacity: 14, alignmentHeads })],
  ];

  describe.each(graphs)('%s', (_, bytes) => {
    const model = readModel(bytes);

    test('is sound ONNX', () => {
      expect(graphFaults(model)).toEqual([]);
    });

    test('imports operator set 16 and nothing else', () => {
      expect(model.opsets).toEqual([{ domain: '', version: 16 }]);
    });

    test('has only operators that atc knows', () => {
      expect([...new Set(model.nodes.map(({ type }) => type))].filter((type) => !allowed.has(type))).toEqual([]);
    });

    test('writes out every attribute that atc needs', () => {
      for (const { name, type, attributes } of model.nodes) {
        expect([...attributes.keys()], name).toEqual(expect.arrayContaining([...(required[type] ?? [])]));
      }
    });

    test('leaves no input of a node out in the middle', () => {
      for (const { name, inputs } of model.nodes) expect(inputs, name).not.toContain('');
    });

    test('has static shapes', () => {
      for (const { dims } of [...model.inputs, ...model.outputs])
        for (const dim of dims) expect(dim).toBeTypeOf('number');
    });

    test('points into the weights file with exactly location, offset and length', () => {
      for (const { external } of model.initializers) {
        if (external.length > 0) expect(external.map(([key]) => key)).toEqual(['location', 'offset', 'length']);
      }
    });

    test('uses every initializer', () => {
      const used = new Set(model.nodes.flatMap(({ inputs }) => inputs));
      expect(model.initializers.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
    });
  });

  test.each(['step', 'rows', 'beams', 'greedy'])(
    '%s has no Transpose, so no cache is copied for its layout',
    (name) => {
      const { nodes } = readModel(new Map(graphs).get(name) ?? new Uint8Array());
      expect(nodes.filter(({ type }) => type === 'Transpose')).toEqual([]);
    },
  );

  test('windows transposes what rows ask and get, never keys or values', () => {
    const { nodes } = readModel(new Map(graphs).get('windows') ?? new Uint8Array());
    const maker = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
    /** What a view of a tensor is a view of. */
    const source = (name: string): string =>
      maker.get(name)?.type === 'Reshape' ? source(maker.get(name)?.inputs[0] ?? '') : name;
    const transposed = nodes.filter(({ type }) => type === 'Transpose').map(({ inputs }) => source(inputs[0] ?? ''));
    expect(new Set(transposed.map((name) => maker.get(name)?.type))).toEqual(new Set(['Mul', 'MatMul']));
  });

  test('rows hides what a bit does not show by exactly -60000, in its own type', () => {
    const { nodes, initializers } = readModel(new Map(graphs).get('rows') ?? new Uint8Array());
    const [name] = nodes.find(({ inputs }) => inputs[1] === 'visible')?.inputs ?? [];
    const { type, dims, data = new Uint8Array() } = initializers.find((tensor) => tensor.name === name) ?? {};
    expect({ type, dims }).toEqual({ type: elementType[dtype], dims: [256, 8] });
    const bytes = data.slice().buffer;
    const table = dtype === 'f32' ? [...new Float32Array(bytes)] : [...new Uint16Array(bytes)];
    // 1 sign, 5 exponent, 10 mantissa bits: -(1 + mantissa / 1024) * 2^(exponent - 15)
    const half = (bits: number) => -(1 + (bits & 0x3ff) / 1024) * 2 ** (((bits >> 10) & 0x1f) - 15);
    const hidden = table.map((value) => (value === 0 || dtype === 'f32' ? value : half(value)));
    expect(hidden).toEqual(Array.from({ length: 2048 }, (_, i) => (((i >> 3) >> (i & 7)) & 1 ? 0 : -60_000)));
  });
});
