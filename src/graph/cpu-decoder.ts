import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuLayers, cpuOpset } from './cpu-layers.ts';
import { feedForward, type Layers } from './layers.ts';
import { createGraph, type Value } from './onnx.ts';
import { type TapMode, withTaps } from './taps.ts';
import { addScreenedChoice } from './vocabulary.ts';
import { embedding, type WeightLayout } from './weights.ts';

export interface CpuDecoderOptions {
  /** Adds what chooses the token behind the last row, and logits: see vocabulary.ts. */
  readonly screened?: boolean;
  /** Adds the cross-attention scores of these heads. */
  readonly alignmentHeads?: readonly (readonly [layer: number, head: number])[];
  /** Adds what comparisons of single blocks need: see taps.ts. */
  readonly taps?: TapMode;
}

/**
 * One decoder step for ONNX Runtime: n new tokens, of one text or of many, over a cache that is a log of rows.
 *
 * Inputs: `tokens` i32 [n]; `positions` i32 [n], their places in their texts; `bias` f32 [n, past + n], 0 where a token
 * may look at a row of the cache or at another new token, -1e9 where not; `self_kv` f32 [past, nTextLayer, 2,
 * nTextState], keys and values of the rows before; `cross_k_i` f32 [windows, nTextHead, headSize, nAudioCtx] and
 * `cross_v_i` f32 [windows, nTextHead, nAudioCtx, headSize] as the encoder gives them: the tokens stand in the order of
 * their windows, n / windows for each.
 * Outputs: `new_kv` f32 [n, nTextLayer, 2, nTextState]; `hidden` f32 [n, nTextState], the states after the final layer
 * norm; with alignment heads `attention` f32 [windows, heads, n / windows, nAudioCtx], their cross-attention scores.
 */
export function cpuDecoderGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  { screened = false, alignmentHeads = [], taps }: CpuDecoderOptions = {},
): Uint8Array {
  const { nAudioCtx, nTextLayer, nTextState } = dimensions;
  const graph = createGraph('whisper_decoder', cpuOpset);
  const plain = cpuLayers(graph, layout, dimensions);
  const layers = withTaps(plain, taps, { type: 'f32', dims: ['n', nTextState] });
  const { layerNorm, reshape, residual, weight } = layers;
  const tokens = graph.input('tokens', 'i32', ['n']);
  const positions = graph.input('positions', 'i32', ['n']);
  const cache = openCache(layers, dimensions);

  const embedded = graph.op('Add', [
    graph.op('Gather', [weight(embedding), tokens], { axis: 0 }),
    graph.op('Gather', [weight('model.decoder.embed_positions.weight'), positions], { axis: 0 }),
  ]);
  let x = layers.stream(embedded, 'model.decoder.embed');
  const aligned: Value[] = [];
  let byWindow: ByWindow | undefined;
  for (let layer = 0; layer < nTextLayer; layer++) {
    const name = `model.decoder.layers.${layer}`;
    x = residual(x, selfAttention(layers, dimensions, cache, x, layer), `${name}.self_attn`);
    const crossKv = crossInputs(layers, dimensions, layer);
    byWindow ??= groupByWindow(layers, dimensions, crossKv.k);
    const { attended, scores } = crossAttention(layers, dimensions, { ...crossKv, byWindow }, x, layer);
    for (const [, head] of alignmentHeads.filter(([ofLayer]) => ofLayer === layer))
      aligned.push(graph.op('Gather', [scores, graph.constant('i64', [1], [head])], { axis: 1 }));
    x = feedForward(layers, residual(x, attended, `${name}.encoder_attn`), name);
  }

  const rows = reshape(graph.op('Concat', cache.newRows, { axis: 1 }), [-1, nTextLayer, 2, nTextState]);
  graph.output('new_kv', rows, 'f32', ['n', nTextLayer, 2, nTextState]);
  const hidden = layerNorm(x, 'model.decoder.layer_norm');
  graph.output('hidden', hidden, 'f32', ['n', nTextState]);
  if (aligned.length > 0) {
    const dims = ['windows', aligned.length, 'rows', nAudioCtx];
    graph.output('attention', graph.op('Concat', aligned, { axis: 1 }), 'f32', dims);
  }
  if (screened) addScreenedChoice(layers, dimensions, hidden);
  return graph.serialize();
}

/** What every layer of one step shares: the past rows split by layer, what may look at what, the rows it adds. */
interface Cache {
  /** [past, nTextState] per layer and K or V, in the cache's order. */
  readonly past: readonly Value[];
  /** [1, 1, n, past + n] */
  readonly bias: Value;
  /** New keys and values, [n, nTextState] each, filled layer by layer. */
  readonly newRows: Value[];
}

function openCache({ graph, reshape }: Layers, { nTextLayer, nTextState }: ModelDimensions): Cache {
  const bias = graph.input('bias', 'f32', ['n', 'total']);
  const selfKv = graph.input('self_kv', 'f32', ['past', nTextLayer, 2, nTextState]);
  return {
    past: graph.ops('Split', [reshape(selfKv, [0, 2 * nTextLayer * nTextState])], 2 * nTextLayer, { axis: 1 }),
    bias: graph.op('Unsqueeze', [bias, graph.constant('i64', [2], [0, 1])]),
    newRows: [],
  };
}

/** x [n, state] -> attention over the cache and the new tokens, projected, [n, state]. */
function selfAttention(
  layers: Layers,
  { nTextHead, nTextState }: ModelDimensions,
  cache: Cache,
  x: Value,
  layer: number,
): Value {
  const { graph, layerNorm, linear, reshape } = layers;
  const name = `model.decoder.layers.${layer}`;
  const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
  const asBatch = (rows: Value) => reshape(rows, [1, -1, nTextState]);
  const withPast = (projection: string, past: Value | undefined) => {
    if (past === undefined) throw new Error(`no cache for layer ${layer}`);
    const rows = linear(normed, `${name}.self_attn.${projection}`);
    cache.newRows.push(rows);
    return asBatch(graph.op('Concat', [past, rows], { axis: 0 }));
  };
  const k = withPast('k_proj', cache.past[2 * layer]);
  const v = withPast('v_proj', cache.past[2 * layer + 1]);
  const q = asBatch(linear(normed, `${name}.self_attn.q_proj`));
  const attended = graph.op('MultiHeadAttention', [q, k, v, undefined, undefined, cache.bias], {
    num_heads: nTextHead,
  });
  return linear(reshape(attended, [-1, nTextState]), `${name}.self_attn.out_proj`);
}

interface CrossKv {
  readonly k: Value;
  readonly v: Value;
}

function crossInputs({ graph }: Layers, { nAudioCtx, nTextHead, nTextState }: ModelDimensions, layer: number): CrossKv {
  const headSize = nTextState / nTextHead;
  return {
    k: graph.input(`cross_k_${layer}`, 'f32', ['windows', nTextHead, headSize, nAudioCtx]),
    v: graph.input(`cross_v_${layer}`, 'f32', ['windows', nTextHead, nAudioCtx, headSize]),
  };
}

/** Views [n, nTextState] as [windows, n / windows, nTextHead, headSize]. */
type ByWindow = (x: Value) => Value;

function groupByWindow({ graph }: Layers, { nTextHead, nTextState }: ModelDimensions, crossK: Value): ByWindow {
  const windows = graph.op('Slice', [
    graph.op('Shape', [crossK]),
    graph.constant('i64', [1], [0]),
    graph.constant('i64', [1], [1]),
  ]);
  const rest = graph.constant('i64', [3], [-1, nTextHead, nTextState / nTextHead]);
  const shape = graph.op('Concat', [windows, rest], { axis: 0 });
  return (x) => graph.op('Reshape', [x, shape]);
}

/** x [n, state] -> attention over its window's audio, projected, [n, state], and the scores before the softmax. */
function crossAttention(
  layers: Layers,
  { nTextHead, nTextState }: ModelDimensions,
  { k, v, byWindow }: CrossKv & { readonly byWindow: ByWindow },
  x: Value,
  layer: number,
): { attended: Value; scores: Value } {
  const { graph, layerNorm, linear, reshape } = layers;
  const name = `model.decoder.layers.${layer}.encoder_attn`;
  const projected = linear(layerNorm(x, `${name}_layer_norm`), `${name}.q_proj`);
  const scaled = graph.op('Mul', [projected, graph.constant('f32', [], [(nTextState / nTextHead) ** -0.5])]);
  const q = graph.op('Transpose', [byWindow(scaled)], { perm: [0, 2, 1, 3] });
  // Plain products beat MultiHeadAttention here: the encoder already wrote K transposed, so nothing is copied.
  const scores = graph.op('MatMul', [q, k]);
  const mixed = graph.op('MatMul', [graph.op('Softmax', [scores], { axis: -1 }), v]);
  const rows = reshape(graph.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), [-1, nTextState]);
  return { attended: linear(rows, `${name}.out_proj`), scores };
}
