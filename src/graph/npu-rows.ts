import type { ModelDimensions } from '../model/dimensions.ts';
import { visibleWords } from '../model/visible-entries.ts';
import { feedForward } from './layers.ts';
import { attentionMask } from './npu-attention-mask.ts';
import { allowedLogits, type CandidatesShape, topTokens } from './npu-candidates.ts';
import { type NpuDtype, type NpuLayers, npuLayers, npuOpset } from './npu-layers.ts';
import { fewRowAttention, type RowAttention, type RowShape, wideRowAttention } from './npu-row-attention.ts';
import { createGraph, type Value } from './onnx.ts';
import { embedding, type WeightLayout } from './weights.ts';

export interface NpuRowsShape extends RowShape {
  /** Adds the cross-attention scores of these heads; for one window only. */
  readonly alignmentHeads?: readonly (readonly [layer: number, head: number])[];
  /** Adds so many of the likeliest tokens of each row; none by default. */
  readonly candidates?: number;
}

/**
 * With more rows than this, attention is computed head by head, which multiplies less but copies keys and values: by
 * arithmetic for whisper-medium on a 910B4 both take equally long at about twenty rows.
 */
const minWideRows = 16;

/**
 * A decoder step of several sequences, for atc: `rows` new tokens, the same number for each of `windows` windows, which attend
 * to up to `capacity` entries of the KV cache of their window.
 *
 * Inputs: `tokens` i32 [rows]; `positions` i32 [rows], the position of each in its sequence; `visible` i32 [rows, words], the
 * attention mask as bits (model/visible-entries.ts), one for each cache entry and each new token of the window; `self_kv`
 * [windows, capacity, nTextLayer, 2, nTextState], whose masked entries must be finite; `cross_k_i`, `cross_v_i` [windows,
 * nAudioCtx, nTextState]; with candidates `suppress` f32 [nVocab], added to the logits, and `ranges` i32 [rows, 4], which
 * tokens may come next (npu-candidates.ts).
 * Outputs: `new_kv_w` [rows / windows, nTextLayer, 2, nTextState] per window w, which may be bound to masked entries of
 * `self_kv` itself; `logits` f32 [rows, nVocab]; with alignment heads `attention` f32 [heads,
 * rows, nAudioCtx], their scores before the softmax; with candidates `candidate_tokens` i32 and `candidate_logprobs` f32 [rows,
 * candidates], likeliest first.
 */
export function npuRowsGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  dtype: NpuDtype,
  shape: NpuRowsShape,
): Uint8Array {
  const { nTextLayer, nTextState, nVocab } = dimensions;
  const { rows, windows, capacity, candidates = 0 } = shape;
  const graph = createGraph(`whisper_rows_${rows}_${windows}_${capacity}`, npuOpset);
  const layers = npuLayers(graph, layout, dimensions, dtype);
  const tokens = graph.input('tokens', 'i32', [rows]);
  const positions = graph.input('positions', 'i32', [rows]);
  const columns = capacity + rows / windows;
  const visible = graph.input('visible', 'i32', [rows, visibleWords(columns)]);
  const selfKv = graph.input('self_kv', dtype, [windows, capacity, nTextLayer, 2, nTextState]);

  const mask = attentionMask(layers, visible, { rows, columns });
  const { logits, newEntries, aligned } = decodeRows(layers, dimensions, shape, { tokens, positions, mask, selfKv });
  addNewEntries(layers, dimensions, shape, newEntries);
  if (aligned.length > 0) {
    const attention = graph.op('Concat', aligned, { axis: 0 });
    const dims = [aligned.length, rows, dimensions.nAudioCtx];
    graph.output('attention', layers.cast(attention, dtype, 'f32'), 'f32', dims);
  }
  graph.output('logits', logits, 'f32', [rows, nVocab]);
  if (candidates > 0) addCandidates(layers, logits, { rows, nVocab, count: candidates });
  return graph.serialize();
}

/** The inputs of a step. */
interface NewTokens {
  readonly tokens: Value;
  readonly positions: Value;
  /** [rows, capacity + rows / windows], 0 where a token attends to an entry or token, else a large negative number. */
  readonly mask: Value;
  readonly selfKv: Value;
}

/** The outputs of the decoder. */
interface Decoded {
  /** f32 [rows, nVocab] */
  readonly logits: Value;
  /** New keys and values, [rows, 1, nTextState] each. */
  readonly newEntries: readonly Value[];
  /** Scores of the alignment heads, [1, rows, nAudioCtx] each. */
  readonly aligned: readonly Value[];
}

/** The decoder over new tokens; adds the inputs `cross_k_i` and `cross_v_i`. */
export function decodeRows(
  layers: NpuLayers,
  dimensions: ModelDimensions,
  shape: NpuRowsShape,
  { tokens, positions, mask, selfKv }: NewTokens,
): Decoded {
  const { nTextLayer, nTextState } = dimensions;
  const { rows, windows, capacity, alignmentHeads = [] } = shape;
  const { graph } = layers;
  const isWide = windows === 1 && (rows > minWideRows || alignmentHeads.length > 0);
  const attention = isWide ? wideRowAttention(layers, dimensions) : fewRowAttention(layers, dimensions, shape);
  const cache: Cache = {
    entries: layers.reshape(selfKv, [windows * capacity, 2 * nTextLayer, nTextState]),
    mask,
    newEntries: [],
  };
  const aligned: Value[] = [];
  let x = graph.op('Add', [
    graph.op('Gather', [layers.weight(embedding), tokens], { axis: 0 }),
    graph.op('Gather', [layers.weight('model.decoder.embed_positions.weight'), positions], { axis: 0 }),
  ]);
  for (let layer = 0; layer < nTextLayer; layer++) {
    x = graph.op('Add', [x, selfAttention(layers, attention, cache, x, layer)]);
    const { attended, scores } = crossAttention(layers, dimensions, { attention, windows }, x, layer);
    for (const [, head] of alignmentHeads.filter(([ofLayer]) => ofLayer === layer)) {
      if (scores === undefined) throw new Error('attention of several windows has no scores by head');
      aligned.push(layers.row(scores, dimensions.nTextHead, head));
    }
    x = feedForward(layers, graph.op('Add', [x, attended]), `model.decoder.layers.${layer}`);
  }
  const normed = layers.layerNorm(x, 'model.decoder.layer_norm');
  const logits = graph.op('Gemm', [normed, layers.weight(embedding)], { transB: 1 });
  return { logits: layers.cast(logits, layers.dtype, 'f32'), newEntries: cache.newEntries, aligned };
}

function addCandidates(layers: NpuLayers, logits: Value, shape: CandidatesShape): void {
  const { graph } = layers;
  const { rows, nVocab, count } = shape;
  const suppress = graph.input('suppress', 'f32', [nVocab]);
  const ranges = graph.input('ranges', 'i32', [rows, 4]);
  const allowed = allowedLogits(layers, nVocab, logits, { suppress, ranges });
  const { tokens, logprobs } = topTokens(layers, allowed, shape);
  graph.output('candidate_tokens', tokens, 'i32', [rows, count]);
  graph.output('candidate_logprobs', logprobs, 'f32', [rows, count]);
}

interface Cache {
  /** [windows * capacity, 2 * nTextLayer, nTextState] */
  readonly entries: Value;
  readonly mask: Value;
  /** New keys and values, [rows, 1, nTextState] each, filled layer by layer. */
  readonly newEntries: Value[];
}

function selfAttention(layers: NpuLayers, attention: RowAttention, cache: Cache, x: Value, layer: number): Value {
  const { graph, layerNorm, linear } = layers;
  const name = `model.decoder.layers.${layer}`;
  const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
  const own = (projection: string) => {
    const fresh = linear(normed, `${name}.self_attn.${projection}`);
    cache.newEntries.push(graph.op('Unsqueeze', [fresh, graph.constant('i64', [1], [1])]));
    return fresh;
  };
  const past = (index: number) => graph.op('Gather', [cache.entries, graph.constant('i64', [], [index])], { axis: 1 });
  const fresh = { k: own('k_proj'), v: own('v_proj') };
  const before = { k: past(2 * layer), v: past(2 * layer + 1) };
  const q = linear(normed, `${name}.self_attn.q_proj`);
  return linear(attention.self(q, before, fresh, cache.mask), `${name}.self_attn.out_proj`);
}

function crossAttention(
  layers: NpuLayers,
  { nAudioCtx, nTextState }: ModelDimensions,
  { attention, windows }: { readonly attention: RowAttention; readonly windows: number },
  x: Value,
  layer: number,
): { attended: Value; scores?: Value } {
  const { graph, dtype, layerNorm, linear, reshape } = layers;
  const name = `model.decoder.layers.${layer}.encoder_attn`;
  const input = (tensor: string) =>
    reshape(graph.input(`${tensor}_${layer}`, dtype, [windows, nAudioCtx, nTextState]), [
      windows * nAudioCtx,
      nTextState,
    ]);
  const q = linear(layerNorm(x, `${name}_layer_norm`), `${name}.q_proj`);
  const { mixed, ...rest } = attention.cross(q, { k: input('cross_k'), v: input('cross_v') });
  return { attended: linear(mixed, `${name}.out_proj`), ...rest };
}

/** Adds `new_kv_w` for each window w. */
export function addNewEntries(
  { graph, dtype, reshape, split }: NpuLayers,
  { nTextLayer, nTextState }: ModelDimensions,
  { rows, windows }: RowShape,
  newEntries: readonly Value[],
): void {
  const perWindow = rows / windows;
  const all = graph.op('Concat', newEntries, { axis: 1 });
  const byWindow = windows === 1 ? [all] : split(all, 0, rows, new Array<number>(windows).fill(perWindow));
  for (const [window, own] of byWindow.entries()) {
    const dims = [perWindow, nTextLayer, 2, nTextState];
    graph.output(`new_kv_${window}`, reshape(own, dims), dtype, dims);
  }
}
