import type { ModelDimensions } from '../model/dimensions.ts';
import { greedySlotSize } from '../model/greedy-state.ts';
import type { TokenKinds } from '../model/token-kinds.ts';
import { chooseToken, type StateColumns, splitState } from './npu-choice.ts';
import { type NpuDtype, type NpuLayers, npuLayers, npuOpset } from './npu-layers.ts';
import { addNewEntries, decodeRows } from './npu-rows.ts';
import { createGraph, elementType, type Value } from './onnx.ts';
import type { WeightLayout } from './weights.ts';

export interface NpuGreedyShape {
  /** Windows, each with one sequence. */
  readonly windows: number;
  /** How many entries of each window's KV cache are read. */
  readonly capacity: number;
  readonly kinds: TokenKinds;
}

/** Added to an attention score, it makes the weight exactly 0, in float16 too. */
const maskedScore = -60_000;

/**
 * A step of greedy decoding, for atc: appends a token to the sequence over each window and chooses the next one, so that the output
 * of a step is the input of the next one, without the host.
 *
 * Inputs: `state` f32 [windows, 16], the state of each sequence (model/greedy-state.ts); `suppress` f32 [nVocab], added to the
 * logits (0, or -1e30); `visible` [windows, capacity], the attention mask: 0 for the cache entries of the window's sequence and for
 * all that steps will append, else a large negative number; `self_kv` [windows, capacity, nTextLayer, 2, nTextState], whose masked
 * entries must be finite; `cross_k_i`, `cross_v_i` [windows, nAudioCtx, nTextState].
 * Outputs: `next_state` f32 [windows, 16]; `new_kv_w` [1, nTextLayer, 2, nTextState] per window w, which may be bound to
 * `self_kv` itself, at the entry that the state of the window names; `logits` f32 [windows, nVocab].
 */
export function npuGreedyGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  dtype: NpuDtype,
  { windows, capacity, kinds }: NpuGreedyShape,
): Uint8Array {
  const { nTextLayer, nTextState, nVocab } = dimensions;
  const graph = createGraph(`whisper_greedy_${windows}_${capacity}`, npuOpset);
  const layers = npuLayers(graph, layout, dimensions, dtype);
  const columns = splitState(layers, graph.input('state', 'f32', [windows, greedySlotSize]));
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const visible = graph.input('visible', dtype, [windows, capacity]);
  const selfKv = graph.input('self_kv', dtype, [windows, capacity, nTextLayer, 2, nTextState]);
  const whole = (x: Value) => graph.op('Cast', [layers.reshape(x, [windows])], { to: elementType.i32 });

  const shape = { rows: windows, windows, capacity };
  const { logits, newEntries } = decodeRows(layers, dimensions, shape, {
    tokens: whole(columns.token),
    positions: whole(columns.position),
    mask: attentionMask(layers, { windows, capacity }, columns, visible),
    selfKv,
  });
  addNewEntries(layers, dimensions, shape, newEntries);
  graph.output('logits', logits, 'f32', [windows, nVocab]);
  const next = chooseToken(layers, { windows, nVocab, kinds }, columns, { logits, suppress });
  graph.output('next_state', next, 'f32', [windows, greedySlotSize]);
  return graph.serialize();
}

/** The mask for the cache entries before the new one, and for the new one itself: [windows, capacity + 1]. */
function attentionMask(
  { graph, dtype, scalar }: NpuLayers,
  { windows, capacity }: Pick<NpuGreedyShape, 'windows' | 'capacity'>,
  { entry }: StateColumns,
  visible: Value,
): Value {
  const indices = Array.from({ length: capacity }, (_, i) => i);
  const isBefore = graph.op('Less', [graph.constant('f32', [1, capacity], indices), entry]);
  const past = graph.op('Where', [isBefore, visible, scalar(maskedScore)]);
  const own = graph.constant(dtype, [windows, 1], new Array<number>(windows).fill(0));
  return graph.op('Concat', [past, own], { axis: 1 });
}
