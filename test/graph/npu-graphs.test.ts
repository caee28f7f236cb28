import { describe, expect, test } from 'vitest';
import { npuDecoderGraph } from '../../src/graph/npu-decoder.ts';
import { npuEncoderGraph } from '../../src/graph/npu-encoder.ts';
import { type NpuDtype, npuWeightType } from '../../src/graph/npu-layers.ts';
import { layOutWeights } from '../../src/graph/weights.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';
import { smallDimensions as dimensions } from '../support/random-checkpoint.ts';
import { graphFaults, readModel } from './onnx-reader.ts';

/** What atc's parser translates rightly at operator set 16, and has an AI Core kernel on a 910B. */
const allowed = new Set(
  (
    'Add ArgMax Cast Concat Conv Div Erf Expand Gather Gemm Identity Less MatMul Mul Pow ReduceLogSumExp ReduceMax ' +
    'ReduceMean Reshape Slice Softmax Sqrt Sub Transpose Unsqueeze Where'
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
  Transpose: ['perm'],
};

function layoutOf(dtype: NpuDtype) {
  return layOutWeights(
    Array.from(whisperTensors(dimensions), ([name, shape]) => [name, { type: npuWeightType(name, dtype), shape }]),
  );
}

describe.each(['f32', 'f16'] as const)('the NPU graphs in %s', (dtype) => {
  const layout = layoutOf(dtype);
  const graphs: [string, Uint8Array][] = [
    ['encoder', npuEncoderGraph(dimensions, layout, dtype)],
    ['step', npuDecoderGraph(dimensions, layout, dtype, 1)],
    ['prefill', npuDecoderGraph(dimensions, layout, dtype, 4)],
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

  test('step has no Transpose, so no cache is copied for its layout', () => {
    const step = readModel(npuDecoderGraph(dimensions, layout, dtype, 1));
    expect(step.nodes.filter(({ type }) => type === 'Transpose')).toEqual([]);
  });
});
