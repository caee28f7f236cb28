import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuLayers, cpuOpset } from './cpu-layers.ts';
import { feedForward, type Layers } from './layers.ts';
import { createGraph, elementType, type Value } from './onnx.ts';
import { addScreenedChoice } from './vocabulary.ts';
import { embedding, type WeightLayout } from './weights.ts';

/** Added to a score, it takes the weight of a position to exactly 0 in f32 without making NaN of a full row. */
const masked = -1e9;

export interface CpuDecoderOptions {
  /** Adds what chooses the next token: see vocabulary.ts. */
  readonly screened: boolean;
  /** How many texts a step takes on: one, which needs no transposes and is a sixth faster for it, or any number. */
  readonly batch: 1 | 'any';
}

/**
 * One decoder step of n tokens for ONNX Runtime; n > 1 is a prefill.
 *
 * Inputs: `tokens` i32 [batch, n]; `positions` i32 [n], their places in the text; `self_kv` f32 [past, batch,
 * nTextLayer, 2, nTextState], keys and values of the tokens before, position-major so that a prefix of the cache is one
 * contiguous block; `cross_k_i`, `cross_v_i` as the encoder gives them.
 * Outputs: `new_kv` f32 [n, batch, nTextLayer, 2, nTextState]; `hidden` f32 [batch, nTextState], the last position's
 * state after the final layer norm.
 */
export function cpuDecoderGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  options: CpuDecoderOptions,
): Uint8Array {
  const { nTextLayer, nTextState } = dimensions;
  const graph = createGraph('whisper_decoder', cpuOpset);
  const layers = cpuLayers(graph, layout, dimensions);
  const { layerNorm, reshape, weight } = layers;
  const tokens = graph.input('tokens', 'i32', ['batch', 'n']);
  const positions = graph.input('positions', 'i32', ['n']);
  const selfKv = graph.input('self_kv', 'f32', ['past', 'batch', nTextLayer, 2, nTextState]);

  const embedded = graph.op('Add', [
    graph.op('Gather', [weight(embedding), tokens], { axis: 0 }),
    graph.op('Gather', [weight('model.decoder.embed_positions.weight'), positions], { axis: 0 }),
  ]);
  const cache = openCache(layers, dimensions, options, { selfKv, tokens, positions });
  let x = reshape(embedded, [-1, nTextState]);
  for (let layer = 0; layer < nTextLayer; layer++) {
    const name = `model.decoder.layers.${layer}`;
    x = graph.op('Add', [x, selfAttention(layers, dimensions, cache, x, layer)]);
    x = graph.op('Add', [x, crossAttention(layers, dimensions, cache, x, layer)]);
    x = feedForward(layers, x, name);
  }

  const rows = reshape(graph.op('Concat', cache.newRows, { axis: 2 }), [0, 0, nTextLayer, 2, nTextState]);
  graph.output('new_kv', rows, 'f32', ['n', 'batch', nTextLayer, 2, nTextState]);
  const states = cache.byText(x, nTextState);
  const last = graph.op('Gather', [states, graph.constant('i64', [], [-1])], { axis: 1 });
  const hidden = layerNorm(last, 'model.decoder.layer_norm');
  graph.output('hidden', hidden, 'f32', ['batch', nTextState]);
  if (options.screened) addScreenedChoice(layers, dimensions, hidden);
  return graph.serialize();
}

/** What every layer of one step shares: the past rows split by layer, the causal mask, the rows it adds. */
interface Cache {
  /** [past, batch, nTextState] per layer and K or V, in the cache's order. */
  readonly past: readonly Value[];
  /** [1, 1, n, past + n], 0 where a token may look and -1e9 where not. */
  readonly causalMask: Value;
  /** Views [batch * n, ...] as [batch, n, ...rest]. */
  byText(x: Value, ...rest: number[]): Value;
  /** [batch, rows, nTextState] -> [rows, batch, nTextState] and back. */
  swapBatchAndRows(x: Value, to: 'positionMajor' | 'batchMajor'): Value;
  /** New keys and values, [n, batch, nTextState] each, filled layer by layer. */
  readonly newRows: Value[];
}

function openCache(
  layers: Layers,
  dimensions: ModelDimensions,
  { batch }: CpuDecoderOptions,
  { selfKv, tokens, positions }: { readonly selfKv: Value; readonly tokens: Value; readonly positions: Value },
): Cache {
  const { graph, reshape } = layers;
  const { nTextLayer, nTextState } = dimensions;
  const i64 = (...values: number[]) => graph.constant('i64', [values.length], values);
  const tokensShape = graph.op('Shape', [tokens]);
  const total = graph.op('Add', [
    graph.op('Gather', [graph.op('Shape', [selfKv]), graph.constant('i64', [], [0])], { axis: 0 }),
    graph.op('Gather', [tokensShape, graph.constant('i64', [], [1])], { axis: 0 }),
  ]);
  const keyPositions = graph.op('Range', [graph.constant('i64', [], [0]), total, graph.constant('i64', [], [1])]);
  const visible = graph.op('LessOrEqual', [
    graph.op('Cast', [keyPositions], { to: elementType.i32 }),
    graph.op('Unsqueeze', [positions, i64(1)]),
  ]);
  const zero = graph.constant('f32', [], [0]);
  const bias = graph.op('Where', [visible, zero, graph.constant('f32', [], [masked])]);
  return {
    past: graph.ops('Split', [reshape(selfKv, [0, 0, 2 * nTextLayer * nTextState])], 2 * nTextLayer, { axis: 2 }),
    causalMask: graph.op('Unsqueeze', [bias, i64(0, 1)]),
    byText: (x, ...rest) =>
      batch === 1
        ? reshape(x, [1, -1, ...rest])
        : graph.op('Reshape', [x, graph.op('Concat', [tokensShape, i64(...rest)], { axis: 0 })]),
    swapBatchAndRows(x, to) {
      if (batch === 'any') return graph.op('Transpose', [x], { perm: [1, 0, 2] });
      return reshape(x, to === 'positionMajor' ? [-1, 1, nTextState] : [1, -1, nTextState]);
    },
    newRows: [],
  };
}

/** x [batch * n, state] -> attention over the cache and the new tokens, projected, [batch * n, state]. */
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
  const project = (projection: string) => cache.byText(linear(normed, `${name}.self_attn.${projection}`), nTextState);
  const withPast = (fresh: Value, past: Value | undefined) => {
    if (past === undefined) throw new Error(`no cache for layer ${layer}`);
    const rows = cache.swapBatchAndRows(fresh, 'positionMajor');
    cache.newRows.push(rows);
    return cache.swapBatchAndRows(graph.op('Concat', [past, rows], { axis: 0 }), 'batchMajor');
  };
  const k = withPast(project('k_proj'), cache.past[2 * layer]);
  const v = withPast(project('v_proj'), cache.past[2 * layer + 1]);
  const attended = graph.op('MultiHeadAttention', [project('q_proj'), k, v, undefined, undefined, cache.causalMask], {
    num_heads: nTextHead,
  });
  return linear(reshape(attended, [-1, nTextState]), `${name}.self_attn.out_proj`);
}

/** x [batch * n, state] -> attention over the encoded audio, projected, [batch * n, state]. */
function crossAttention(
  layers: Layers,
  { nAudioCtx, nTextHead, nTextState }: ModelDimensions,
  cache: Cache,
  x: Value,
  layer: number,
): Value {
  const { graph, layerNorm, linear, reshape } = layers;
  const name = `model.decoder.layers.${layer}`;
  const headSize = nTextState / nTextHead;
  const k = graph.input(`cross_k_${layer}`, 'f32', ['batch', nTextHead, headSize, nAudioCtx]);
  const v = graph.input(`cross_v_${layer}`, 'f32', ['batch', nTextHead, nAudioCtx, headSize]);
  const projected = linear(layerNorm(x, `${name}.encoder_attn_layer_norm`), `${name}.encoder_attn.q_proj`);
  const scaled = graph.op('Mul', [projected, graph.constant('f32', [], [headSize ** -0.5])]);
  const q = graph.op('Transpose', [cache.byText(scaled, nTextHead, headSize)], { perm: [0, 2, 1, 3] });
  // Plain products beat MultiHeadAttention here: the encoder already wrote K transposed, so nothing is copied.
  const attention = graph.op('Softmax', [graph.op('MatMul', [q, k])], { axis: -1 });
  const attended = graph.op('Transpose', [graph.op('MatMul', [attention, v])], { perm: [0, 2, 1, 3] });
  return linear(reshape(attended, [-1, nTextState]), `${name}.encoder_attn.out_proj`);
}
