import type { ModelDimensions } from '../model/dimensions.ts';
import { feedForward } from './layers.ts';
import { type Attention, manyRowAttention, oneRowAttention } from './npu-attention.ts';
import { type NpuDtype, type NpuLayers, npuLayers, npuOpset } from './npu-layers.ts';
import { createGraph, type Value } from './onnx.ts';
import { withTaps } from './taps.ts';
import { embedding, type WeightLayout } from './weights.ts';

/** Added to a score, it takes a position's weight to exactly 0, in float16 too. */
const maskedScore = -60_000;

/**
 * One decoder step of n tokens for atc; n is fixed in the graph, n > 1 is a prefill.
 *
 * Inputs: `tokens` i32 [1, n]; `position` i32 [1], the place of the first of them; `self_kv` [nTextCtx, 1, nTextLayer, 2,
 * nTextState], of which rows before `position` are read and the others only have to be finite; `cross_k_i`, `cross_v_i` as the
 * encoder gives them.
 * Outputs: `new_kv` [n, 1, nTextLayer, 2, nTextState], to be written to entry `position` of the cache; it may be bound to
 * `self_kv` itself; `logits` f32 [1, nVocab] of the last token.
 *
 * @param tapped whether the output of every block is an output of the graph (taps.ts), in the graph's dtype
 */
export function npuDecoderGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  dtype: NpuDtype,
  n: number,
  tapped = false,
): Uint8Array {
  const { nTextCtx, nTextLayer, nTextState, nVocab } = dimensions;
  const graph = createGraph(n === 1 ? 'whisper_step' : `whisper_prefill_${n}`, npuOpset);
  const plain = npuLayers(graph, layout, dimensions, dtype);
  const layers = tapped ? withTaps(plain, { type: dtype, dims: [n, nTextState] }) : plain;
  const tokens = graph.input('tokens', 'i32', [1, n]);
  const position = graph.input('position', 'i32', [1]);
  const selfKv = graph.input('self_kv', dtype, [nTextCtx, 1, nTextLayer, 2, nTextState]);

  const attend = n === 1 ? oneRowAttention(layers, dimensions) : manyRowAttention(layers, dimensions);
  const cache: Cache = {
    entries: layers.reshape(selfKv, [nTextCtx, 2 * nTextLayer, nTextState]),
    mask: attentionMask(layers, dimensions, position, n),
    newEntries: [],
  };
  let x = layers.stream(embedTokens(layers, tokens, position, n), 'model.decoder.embed');
  for (let layer = 0; layer < nTextLayer; layer++) {
    const name = `model.decoder.layers.${layer}`;
    x = layers.residual(x, selfAttention(layers, attend, cache, x, layer), `${name}.self_attn`);
    x = layers.residual(x, crossAttention(layers, dimensions, attend, x, layer), `${name}.encoder_attn`);
    x = feedForward(layers, x, name);
  }
  const newKv = layers.reshape(graph.op('Concat', cache.newEntries, { axis: 1 }), [n, 1, nTextLayer, 2, nTextState]);
  graph.output('new_kv', newKv, dtype, [n, 1, nTextLayer, 2, nTextState]);
  const last = n === 1 ? x : layers.row(x, n, n - 1);
  const normed = layers.layerNorm(last, 'model.decoder.layer_norm');
  const logits = graph.op('Gemm', [normed, layers.weight(embedding)], { transB: 1 });
  graph.output('logits', layers.cast(logits, dtype, 'f32'), 'f32', [1, nVocab]);
  return graph.serialize();
}

interface Cache {
  /** [nTextCtx, 2 * nTextLayer, nTextState] */
  readonly entries: Value;
  /** [n, nTextCtx + n]: 0 where a token attends to an entry or token, else a large negative number. */
  readonly mask: Value;
  /** New keys and values, [n, nTextState] each, filled layer by layer. */
  readonly newEntries: Value[];
}

/** Token and position embeddings, [n, nTextState]. */
function embedTokens(layers: NpuLayers, tokens: Value, position: Value, n: number): Value {
  const { graph, weight, reshape } = layers;
  const offsets = () =>
    graph.constant(
      'i32',
      [n],
      Array.from({ length: n }, (_, i) => i),
    );
  const positions = n === 1 ? position : graph.op('Add', [position, offsets()]);
  return graph.op('Add', [
    graph.op('Gather', [weight(embedding), reshape(tokens, [n])], { axis: 0 }),
    graph.op('Gather', [weight('model.decoder.embed_positions.weight'), positions], { axis: 0 }),
  ]);
}

/** The causal mask: each token attends to cache entries before `position`, to earlier tokens of this step and to itself. */
function attentionMask(layers: NpuLayers, { nTextCtx }: ModelDimensions, position: Value, n: number): Value {
  const { graph, dtype, scalar } = layers;
  const rows = graph.constant(
    'i32',
    [nTextCtx],
    Array.from({ length: nTextCtx }, (_, i) => i),
  );
  const cached = graph.op('Where', [graph.op('Less', [rows, position]), scalar(0), scalar(maskedScore)]);
  const causal = Array.from({ length: n * n }, (_, i) => (i % n > Math.floor(i / n) ? maskedScore : 0));
  const expanded = graph.op('Expand', [cached, graph.constant('i64', [2], [n, nTextCtx])]);
  return graph.op('Concat', [expanded, graph.constant(dtype, [n, n], causal)], { axis: 1 });
}

function selfAttention(layers: NpuLayers, attend: Attention, cache: Cache, x: Value, layer: number): Value {
  const { graph, layerNorm, linear } = layers;
  const name = `model.decoder.layers.${layer}`;
  const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
  const project = (projection: string) => linear(normed, `${name}.self_attn.${projection}`);
  const withPast = (fresh: Value, index: number) => {
    cache.newEntries.push(graph.op('Unsqueeze', [fresh, graph.constant('i64', [1], [1])]));
    const past = graph.op('Gather', [cache.entries, graph.constant('i64', [], [index])], { axis: 1 });
    return graph.op('Concat', [past, fresh], { axis: 0 });
  };
  const k = withPast(project('k_proj'), 2 * layer);
  const v = withPast(project('v_proj'), 2 * layer + 1);
  return linear(attend(project('q_proj'), k, v, cache.mask), `${name}.self_attn.out_proj`);
}

function crossAttention(
  layers: NpuLayers,
  { nAudioCtx, nTextState }: ModelDimensions,
  attend: Attention,
  x: Value,
  layer: number,
): Value {
  const { graph, dtype, layerNorm, linear } = layers;
  const name = `model.decoder.layers.${layer}`;
  const k = graph.input(`cross_k_${layer}`, dtype, [nAudioCtx, nTextState]);
  const v = graph.input(`cross_v_${layer}`, dtype, [nAudioCtx, nTextState]);
  const q = linear(layerNorm(x, `${name}.encoder_attn_layer_norm`), `${name}.encoder_attn.q_proj`);
  return linear(attend(q, k, v), `${name}.encoder_attn.out_proj`);
}
