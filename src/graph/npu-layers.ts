import type { ModelDimensions } from '../model/dimensions.ts';
import { basicLayers, type Layers } from './layers.ts';
import { elementType, type GraphBuilder, type Value } from './onnx.ts';
import type { WeightLayout } from './weights.ts';

/** The operator set of the NPU's graphs: from 17 on CANN broadcasts layer norms, at 18 it mistranslates reductions. */
export const npuOpset = 16;

/** What the weights and activations of an NPU graph are made of. */
export type NpuDtype = 'f32' | 'f16';

export interface NpuLayers extends Layers {
  readonly dtype: NpuDtype;
  /** x in another type; x itself where it has that type already. */
  cast(x: Value, from: NpuDtype, to: NpuDtype): Value;
  /** A constant of the graph's own type. */
  scalar(value: number): Value;
  /** The parts of x, of these sizes, along an axis that is `length` long. */
  split<const Sizes extends readonly number[]>(x: Value, axis: number, length: number, sizes: Sizes): Parts<Sizes>;
  /** One row of the first axis, which is `length` long and stays as an axis of 1. */
  row(x: Value, length: number, index: number): Value;
  /** q [heads, rows, size] over k, v [heads, keys, size], scores masked by an optional bias [rows, keys]. */
  attendByHead(q: Value, k: Value, v: Value, headSize: number, bias?: Value): ByHead;
  /** [rows, heads * size] -> [heads, rows, size] */
  splitHeads(x: Value, nHead: number, headSize: number): Value;
  /** [heads, rows, size] -> [rows, heads * size] */
  joinHeads(x: Value, state: number): Value;
}

/** A value for each size. */
export type Parts<Sizes extends readonly number[]> = { readonly [Index in keyof Sizes]: Value };

/** Attention head by head: the scores [heads, rows, keys] before any bias, and the values mixed by them. */
export interface ByHead {
  readonly scores: Value;
  /** [heads, rows, size] */
  readonly mixed: Value;
}

/**
 * The layers for atc: only forms that the ONNX parser of CANN 8.5 translates rightly and that have an AI Core kernel.
 * Layer norms are written out as torch exports them, which CANN's fusion pass knows; in float16 they are computed in
 * float32, because the squares of Whisper's largest activations exceed what float16 can hold.
 */
export function npuLayers(
  graph: GraphBuilder,
  layout: WeightLayout,
  dimensions: ModelDimensions,
  dtype: NpuDtype,
): NpuLayers {
  const { nAudioHead, nAudioState } = dimensions;
  const basic = basicLayers(graph, layout);
  const { reshape, weight } = basic;
  const constant = (value: number, type: NpuDtype) => graph.constant(type, [], [value]);
  const scalar = (value: number) => constant(value, dtype);
  const cast = (x: Value, from: NpuDtype, to: NpuDtype) =>
    from === to ? x : graph.op('Cast', [x], { to: elementType[to] });
  const splitHeads = (x: Value, nHead: number, headSize: number) =>
    graph.op('Transpose', [reshape(x, [-1, nHead, headSize])], { perm: [1, 0, 2] });
  const joinHeads = (x: Value, state: number) => reshape(graph.op('Transpose', [x], { perm: [1, 0, 2] }), [-1, state]);
  const attendByHead = (q: Value, k: Value, v: Value, headSize: number, bias?: Value) => {
    const scaled = graph.op('Mul', [q, scalar(headSize ** -0.5)]);
    const scores = graph.op('MatMul', [scaled, graph.op('Transpose', [k], { perm: [0, 2, 1] })]);
    const masked = bias === undefined ? scores : graph.op('Add', [scores, bias]);
    return { scores, mixed: graph.op('MatMul', [graph.op('Softmax', [masked], { axis: -1 }), v]) };
  };
  return {
    ...basic,
    dtype,
    cast,
    scalar,
    // Not Slice: what CANN makes of it has a kernel only by way of a pass that nobody outside can read.
    split<const Sizes extends readonly number[]>(x: Value, axis: number, length: number, sizes: Sizes) {
      const sum = sizes.reduce((total, size) => total + size, 0);
      // atc does not look.
      if (sum !== length || sizes.some((size) => !Number.isInteger(size) || size < 1))
        throw new Error(`an axis of ${length} cannot be split into ${sizes.join(' + ')}`);
      const constant = graph.constant('i64', [sizes.length], sizes);
      return graph.ops('Split', [x, constant], sizes.length, { axis }) as unknown as Parts<Sizes>;
    },
    row(x, length, index) {
      if (!Number.isInteger(index) || index < 0 || index >= length)
        throw new Error(`${length} rows have no row ${index}`);
      return graph.op('Gather', [x, graph.constant('i64', [1], [index])], { axis: 0 });
    },
    attendByHead,
    splitHeads,
    joinHeads,
    layerNorm(x, name) {
      const wide = cast(x, dtype, 'f32');
      const mean = (value: Value) => graph.op('ReduceMean', [value], { axes: [-1], keepdims: 1 });
      const centred = graph.op('Sub', [wide, mean(wide)]);
      const variance = mean(graph.op('Pow', [centred, constant(2, 'f32')]));
      const deviation = graph.op('Sqrt', [graph.op('Add', [variance, constant(1e-5, 'f32')])]);
      const normed = graph.op('Mul', [graph.op('Div', [centred, deviation]), weight(`${name}.weight`)]);
      return cast(graph.op('Add', [normed, weight(`${name}.bias`)]), 'f32', dtype);
    },
    gelu(x) {
      const erf = graph.op('Erf', [graph.op('Div', [x, scalar(Math.SQRT2)])]);
      const doubled = graph.op('Mul', [x, graph.op('Add', [erf, scalar(1)])]);
      return graph.op('Mul', [doubled, scalar(0.5)]);
    },
    encoderAttention(...qkv) {
      const headSize = nAudioState / nAudioHead;
      const [q, k, v] = qkv.map((x) => splitHeads(x, nAudioHead, headSize)) as [Value, Value, Value];
      return joinHeads(attendByHead(q, k, v, headSize).mixed, nAudioState);
    },
  };
}

/** Tensors that stay f32 in a float16 graph: layer norms are computed in f32. */
export function npuWeightType(name: string, dtype: NpuDtype): NpuDtype {
  return name.includes('layer_norm') ? 'f32' : dtype;
}
