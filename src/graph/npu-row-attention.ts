import type { ModelDimensions } from '../model/dimensions.ts';
import { manyRowAttention } from './npu-attention.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Keys and values, [rows, nTextState] each. */
export interface KeysAndValues {
  readonly k: Value;
  readonly v: Value;
}

/** The attention of a step: `rows` queries [rows, nTextState], the same number for each window. */
export interface RowAttention {
  /** Self-attention over the cache entries [windows * capacity, nTextState] and the new ones; mask [rows, capacity + rows / windows]. */
  self(q: Value, past: KeysAndValues, own: KeysAndValues, mask: Value): Value;
  /** Cross-attention: keys and values [windows * nAudioCtx, nTextState]. */
  cross(q: Value, audio: KeysAndValues): CrossAttention;
}

interface CrossAttention {
  /** [rows, nTextState] */
  readonly mixed: Value;
  /** [nTextHead, rows, nAudioCtx], before the softmax, where the implementation computes them separately. */
  readonly scores?: Value;
}

/** The shape of a step: its tokens (rows), the windows that they are over, and the KV cache entries that are read. */
export interface RowShape {
  readonly rows: number;
  readonly windows: number;
  /** How many KV cache entries of each window are read. */
  readonly capacity: number;
}

/**
 * Attention of a few rows that copies neither keys nor values for their layout, as oneRowAttention does it for one: each
 * query is repeated for each head, and one product with all of K, and one of the weights with all of V, serves all rows of a
 * window. With several windows the small factor is transposed, not K. Cached and new entries are multiplied separately, so
 * that the cache need not be concatenated with the new entries.
 */
export function fewRowAttention(layers: NpuLayers, dimensions: ModelDimensions, shape: RowShape): RowAttention {
  const { nAudioCtx, nTextHead, nTextState } = dimensions;
  const { rows, windows, capacity } = shape;
  const { graph, dtype, reshape, split } = layers;
  const perWindow = rows / windows;
  const headSize = nTextState / nTextHead;
  const table = (dims: readonly [number, number], value: number, isSet: (row: number, column: number) => boolean) => {
    const isSetAt = (i: number) => isSet(Math.floor(i / dims[1]), i % dims[1]);
    return graph.constant(
      dtype,
      dims,
      Array.from({ length: dims[0] * dims[1] }, (_, i) => (isSetAt(i) ? value : 0)),
    );
  };
  const ofHead = (value: number) =>
    table([nTextHead, nTextState], value, (head, i) => Math.floor(i / headSize) === head);
  // The mask that selects the head's part of a query scales it as well: one kernel for both.
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
    const transposedScores = graph.op('MatMul', [byWindow(k, keys, nTextState), transpose(q)]);
    return reshape(transpose(transposedScores), [rows * nTextHead, keys]);
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
    self(q, past, own, mask) {
      const keys = capacity + perWindow;
      const scaledQueries = queries(q);
      const scores = graph.op(
        'Concat',
        [score(scaledQueries, past.k, capacity), score(scaledQueries, own.k, perWindow)],
        { axis: 1 },
      );
      const masked = graph.op('Add', [reshape(scores, [rows, nTextHead, keys]), reshape(mask, [rows, 1, keys])]);
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
  const appended = (past: Value, own: Value) => graph.op('Concat', [past, own], { axis: 0 });
  return {
    self: (q, past, own, mask) => attend(q, appended(past.k, own.k), appended(past.v, own.v), mask),
    cross(q, { k, v }) {
      const { scores, mixed } = attendByHead(split(q), split(k), split(v), headSize);
      return { scores, mixed: joinHeads(mixed, nTextState) };
    },
  };
}
