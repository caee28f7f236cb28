import type { ModelDimensions } from '../model/dimensions.ts';
import type { NpuLayers } from './npu-layers.ts';
import type { Value } from './onnx.ts';

/** Queries over keys and values: q [rows, state], k and v [keys, state], bias [rows, keys] -> [rows, state]. */
export type Attention = (q: Value, k: Value, v: Value, bias?: Value) => Value;

/**
 * Attention of one row without a Transpose, so that caches stay in the layout their products wrote: the query stands once
 * per head, with all but that head's part set to 0; one product with all of K then gives every head's scores.
 * It multiplies by `heads` times as many numbers, which a cube unit does not notice next to reading K and V.
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
  // What takes a head's part of a query scales it too: one kernel for both.
  const [headMask, scaledMask] = [ownHead(1), ownHead(headSize ** -0.5)];
  const ones = graph.constant(dtype, [1, nTextHead], new Array<number>(nTextHead).fill(1));
  return (q, k, v, bias) => {
    const byHead = graph.op('Mul', [reshape(q, [1, nTextState]), scaledMask]);
    const scores = graph.op('Gemm', [byHead, k], { transB: 1 });
    const masked = bias === undefined ? scores : graph.op('Add', [scores, bias]);
    const mixed = graph.op('Gemm', [graph.op('Softmax', [masked], { axis: -1 }), v]);
    return graph.op('Gemm', [ones, graph.op('Mul', [mixed, headMask])]);
  };
}

/** Attention of several rows, head by head. */
export function manyRowAttention(layers: NpuLayers, { nTextHead, nTextState }: ModelDimensions): Attention {
  const headSize = nTextState / nTextHead;
  const split = (x: Value) => layers.splitHeads(x, nTextHead, headSize);
  return (q, k, v, bias) =>
    layers.joinHeads(layers.attendByHead(split(q), split(k), split(v), headSize, bias).mixed, nTextState);
}
