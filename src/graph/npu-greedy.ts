import type { ModelDimensions } from '../model/dimensions.ts';
import { greedySlotSize } from '../model/greedy-state.ts';
import type { TokenKinds } from '../model/token-kinds.ts';
import { chooseToken, type StateColumns, splitState } from './npu-choice.ts';
import { type NpuDtype, type NpuLayers, npuLayers, npuOpset } from './npu-layers.ts';
import { addNewRows, decodeRows } from './npu-rows.ts';
import { createGraph, elementType, type Value } from './onnx.ts';
import type { WeightLayout } from './weights.ts';

export interface NpuGreedyShape {
  /** Windows with a text over each. */
  readonly windows: number;
  /** Rows of each window's log that are read. */
  readonly capacity: number;
  readonly kinds: TokenKinds;
}

/** Added to a score, it takes the weight of a row to exactly 0, in float16 too. */
const invisible = -60_000;

/**
 * One step of greedy decoding for atc: appends a token to the text over each window and chooses the next ones, so that one step's
 * result is the next one's input and nothing has to visit the host.
 *
 * Inputs: `state` f32 [windows, 16], what is known of each text (model/greedy-state.ts); `suppress` f32 [nVocab], added to the
 * logits (0, or -1e30); `visible` [windows, capacity], 0 for the rows of a window's log that its text may look at and all from its
 * first state's row on, a large negative number for others; `self_kv` [windows, capacity, nTextLayer, 2, nTextState], finite
 * wherever nothing is visible; `cross_k_i`, `cross_v_i` [windows, nAudioCtx, nTextState].
 * Outputs: `next_state` f32 [windows, 16]; `new_kv_w` [1, nTextLayer, 2, nTextState] per window w, which may be placed in
 * `self_kv` itself, at the row that the window's state says; `logits` f32 [windows, nVocab].
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
  const { logits, newRows } = decodeRows(layers, dimensions, shape, {
    tokens: whole(columns.token),
    positions: whole(columns.position),
    bias: visibility(layers, { windows, capacity }, columns, visible),
    selfKv,
  });
  addNewRows(layers, dimensions, shape, newRows);
  graph.output('logits', logits, 'f32', [windows, nVocab]);
  const next = chooseToken(layers, { windows, nVocab, kinds }, columns, { logits, suppress });
  graph.output('next_state', next, 'f32', [windows, greedySlotSize]);
  return graph.serialize();
}

/** Rows of the log before a window's new one, where they are visible at all, and the new one: [windows, capacity + 1]. */
function visibility(
  { graph, dtype, scalar }: NpuLayers,
  { windows, capacity }: Pick<NpuGreedyShape, 'windows' | 'capacity'>,
  { entry }: StateColumns,
  visible: Value,
): Value {
  const places = Array.from({ length: capacity }, (_, i) => i);
  const isBefore = graph.op('Less', [graph.constant('f32', [1, capacity], places), entry]);
  const past = graph.op('Where', [isBefore, visible, scalar(invisible)]);
  const own = graph.constant(dtype, [windows, 1], new Array<number>(windows).fill(0));
  return graph.op('Concat', [past, own], { axis: 1 });
}
