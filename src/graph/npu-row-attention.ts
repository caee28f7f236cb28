import type { ModelDimensions } from '../model/dimensions.ts';
import { manyRowAttention } from './npu-attention.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Keys and values, [rows, nTextState] each. */
export interface KeysAndValues {
  readonly k: Value;
  readonly v: Value;
}

/** Attention of the new rows of one step: of `rows` queries [rows, nTextState], an equal share over each window. */
export interface RowAttention {
  /** Over the cache's rows [windows * capacity, nTextState] and the new ones; bias [rows, capacity + rows / windows]. */
  self(q: Value, past: KeysAndValues, own: KeysAndValues, bias: Value): Value;
  /** Over the audio, [windows * nAudioCtx, nTextState]. */
  cross(q: Value, audio: KeysAndValues): CrossAttention;
}

interface CrossAttention {
  /** [rows, nTextState] */
  readonly mixed: Value;
  /** [nTextHead, rows, nAudioCtx], before the softmax, where the form has them so. */
  readonly scores?: Value;
}

/** Rows over the windows they look at. */
export interface RowShape {
  readonly rows: number;
  readonly windows: number;
  /** Rows of the cache that are read, of each window. */
  readonly capacity: number;
}

/**
 * Attention of a few rows that copies neither keys nor values for their layout, as oneRowAttention does it for one: each
 * query stands once per head, and the products with all of K, and of the weights with all of V, serve all rows of a
 * window at once. Where windows are several, the small factor is transposed and not K. Old and new rows are multiplied
 * apart, so that the cache is not copied to stand before the new rows either.
 */
export function fewRowAttention(layers: NpuLayers, dimensions: ModelDimensions, shape: RowShape): RowAttention {
  const { nAudioCtx, nTextHead, nTextState } = dimensions;
  const { rows, windows, capacity } = shape;
  const { graph, dtype, reshape, split } = layers;
  const perWindow = rows / windows;
  const headSize = nTextState / nTextHead;
  const table = (dims: readonly [number, number], value: number, isSet: (row: number, column: number) => boolean) => {
    const at = (i: number) => isSet(Math.floor(i / dims[1]), i % dims[1]);
    return graph.constant(
      dtype,
      dims,
      Array.from({ length: dims[0] * dims[1] }, (_, i) => (at(i) ? value : 0)),
    );
  };
  const ofHead = (value: number) =>
    table([nTextHead, nTextState], value, (head, i) => Math.floor(i / headSize) === head);
  // What takes a head's part of a query scales it too: one kernel for both.
  const [ownHead, scaledHead] = [ofHead(1), ofHead(headSize ** -0.5)];
  const sumOfHeads = table([rows, rows * nTextHead], 1, (row, i) => Math.floor(i / nTextHead) === row);
  const transpose = (x: Value) => graph.op('Transpose', [x], { perm: [0, 2, 1] });
  const byWindow = (x: Value, count: number, width: number) =>
    windows === 1 ? x : reshape(x, [windows, count, width]);

  /** [rows, state] -> [rows * heads, state], by window */
  const queries = (q: Value) => {
    const masked = graph.op('Mul', [reshape(q, [rows, 1, nTextState]), scaledHead]);
    const flat = [rows * nTextHead, nTextState];
    return reshape(masked, windows === 1 ? flat : [windows, perWindow * nTextHead, nTextState]);
  };
  /** -> [rows * heads, keys], keys being those of one window */
  const score = (q: Value, k: Value, keys: number) => {
    if (windows === 1) return graph.op('Gemm', [q, k], { transB: 1 });
    const turned = graph.op('MatMul', [byWindow(k, keys, nTextState), transpose(q)]);
    return reshape(transpose(turned), [rows * nTextHead, keys]);
  };
  const mix = (weights: Value, v: Value, keys: number) => {
    if (windows === 1) return graph.op('Gemm', [weights, v]);
    const stacked = byWindow(weights, perWindow * nTextHead, keys);
    return graph.op('MatMul', [stacked, byWindow(v, keys, nTextState)]);
  };
  /** [rows * heads, state] -> [rows, state], of each head its own part */
  const join = (mixed: Value) => {
    const masked = graph.op('Mul', [reshape(mixed, [rows, nTextHead, nTextState]), ownHead]);
    return graph.op('Gemm', [sumOfHeads, reshape(masked, [rows * nTextHead, nTextState])]);
  };
  return {
    self(q, past, own, bias) {
      const keys = capacity + perWindow;
      const asked = queries(q);
      const scores = graph.op('Concat', [score(asked, past.k, capacity), score(asked, own.k, perWindow)], { axis: 1 });
      const masked = graph.op('Add', [reshape(scores, [rows, nTextHead, keys]), reshape(bias, [rows, 1, keys])]);
      const weights = reshape(graph.op('Softmax', [masked], { axis: -1 }), [rows * nTextHead, keys]);
      const [ofPast, ofOwn] = split(weights, 1, keys, [capacity, perWindow]);
      return join(graph.op('Add', [mix(ofPast, past.v, capacity), mix(ofOwn, own.v, perWindow)]));
    },
    cross(q, { k, v }) {
      const weights = graph.op('Softmax', [score(queries(q), k, nAudioCtx)], { axis: -1 });
      return { mixed: join(mix(weights, v, nAudioCtx)) };
    },
  };
}

/** Attention of many rows over one window, head by head, which multiplies less and copies keys and values instead. */
export function wideRowAttention(layers: NpuLayers, dimensions: ModelDimensions): RowAttention {
  const { nTextHead, nTextState } = dimensions;
  const headSize = nTextState / nTextHead;
  const { graph, attendByHead, joinHeads, splitHeads } = layers;
  const attend = manyRowAttention(layers, dimensions);
  const split = (x: Value) => splitHeads(x, nTextHead, headSize);
  const behind = (past: Value, own: Value) => graph.op('Concat', [past, own], { axis: 0 });
  return {
    self: (q, past, own, bias) => attend(q, behind(past.k, own.k), behind(past.v, own.v), bias),
    cross(q, { k, v }) {
      const { scores, mixed } = attendByHead(split(q), split(k), split(v), headSize);
      return { scores, mixed: joinHeads(mixed, nTextState) };
    },
  };
}
