import type { GraphBuilder, Value } from './onnx.ts';
import { optionalWeight, type WeightLayout, weight } from './weights.ts';

/** Layers that are the same for every target. Activations are 2-D, [batch * positions, state], so a linear layer is one Gemm. */
export interface BasicLayers {
  readonly graph: GraphBuilder;
  /** A weight by its Hugging Face name. */
  weight(name: string): Value;
  /** x [rows, in] -> [rows, out], with the bias where the checkpoint has one. */
  linear(x: Value, name: string): Value;
  /** Views x with other dimensions; -1 takes what is left, 0 keeps the dimension at its place. */
  reshape(x: Value, dims: readonly number[]): Value;
  /** x + block: adds the output of a block to the residual stream. For comparisons taps.ts replaces it. */
  residual(x: Value, block: Value, name: string): Value;
  /** x itself: marks the begin of a residual stream, or the output of a norm, for taps.ts. */
  stream(x: Value, name: string): Value;
}

/** The layers that encoder and decoder are made of, written the way one target runs them best. */
export interface Layers extends BasicLayers {
  /** Normalises the last axis (epsilon 1e-5). */
  layerNorm(x: Value, name: string): Value;
  /** The exact, Erf-based GELU. */
  gelu(x: Value): Value;
  /** Self-attention of the encoder: q, k, v and result [batch * nAudioCtx, nAudioState]. */
  encoderAttention(q: Value, k: Value, v: Value): Value;
}

export function basicLayers(graph: GraphBuilder, layout: WeightLayout): BasicLayers {
  return {
    graph,
    weight: (name) => weight(graph, layout, name),
    linear(x, name) {
      const bias = optionalWeight(graph, layout, `${name}.bias`);
      const inputs = [x, weight(graph, layout, `${name}.weight`), ...(bias === undefined ? [] : [bias])];
      return graph.op('Gemm', inputs, { transB: 1 });
    },
    reshape: (x, dims) => graph.op('Reshape', [x, graph.constant('i64', [dims.length], dims)]),
    residual: (x, block) => graph.op('Add', [x, block]),
    stream: (x) => x,
  };
}

/** x + fc2(gelu(fc1(layerNorm(x)))): the second half of every Whisper layer. */
export function feedForward(layers: Layers, x: Value, name: string): Value {
  const { linear, layerNorm, gelu, residual } = layers;
  const hidden = gelu(linear(layerNorm(x, `${name}.final_layer_norm`), `${name}.fc1`));
  return residual(x, linear(hidden, `${name}.fc2`), `${name}.feed_forward`);
}
