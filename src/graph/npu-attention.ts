import type { ModelDimensions } from '../model/dimensions.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Queries over keys and values: q [rows, state], k and v [keys, state], mask [rows, keys] -> [rows, state]. */
export type Attention = (q: Value, k: Value, v: Value, mask?: Value) => Value;

/**
 * Attention of one row without a Transpose, so that caches keep the layout in which products wrote them: the query is repeated
 * for each head with everything but the head's part set to 0, so that one product with all of K gives the scores of all heads.
 * It multiplies `heads` times as many numbers, which takes less time on a cube unit than reading K and V.
 */
export function oneRowAttention(layers: NpuLayers, { nTextHead, nTextState }: ModelDimensions): Attention {
  const { graph, dtype, reshape } = layers;
  const headSize = nTextState / nTextHead;
  const ownHead = (value: number) =>
    graph.constant(
      dtype,
      [nTextHead, nTextState],
      Array.from({ length: nTextHead * nTextState }, (_, i) =>
        Math.floor((i % nTextState) / headSize) === Math.floor(i / nTextState) ? value : 0,
      ),
    );
  // The mask that selects the head's part of a query scales it as well: one kernel for both.
  const [headMask, scaledMask] = [ownHead(1), ownHead(headSize ** -0.5)];
  const ones = graph.constant(dtype, [1, nTextHead], new Array<number>(nTextHead).fill(1));
  return (q, k, v, mask) => {
    const byHead = graph.op('Mul', [reshape(q, [1, nTextState]), scaledMask]);
    const scores = graph.op('Gemm', [byHead, k], { transB: 1 });
    const masked = mask === undefined ? scores : graph.op('Add', [scores, mask]);
    const mixed = graph.op('Gemm', [graph.op('Softmax', [masked], { axis: -1 }), v]);
    return graph.op('Gemm', [ones, graph.op('Mul', [mixed, headMask])]);
  };
}

/** Attention of several rows, head by head. */
export function manyRowAttention(layers: NpuLayers, { nTextHead, nTextState }: ModelDimensions): Attention {
  const headSize = nTextState / nTextHead;
  const split = (x: Value) => layers.splitHeads(x, nTextHead, headSize);
  return (q, k, v, mask) =>
    layers.joinHeads(layers.attendByHead(split(q), split(k), split(v), headSize, mask).mixed, nTextState);
}
