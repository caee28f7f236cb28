import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuLayers, feedForward, type Layers } from './layers.ts';
import { createGraph, type Value } from './onnx.ts';
import type { WeightLayout } from './weights.ts';

/**
 * The encoder with the cross-attention projections of every decoder layer behind it, for ONNX Runtime.
 *
 * Input `log_mel` f32 [batch, nMels, 2 * nAudioCtx]. Outputs, per decoder layer i, in the form the decoder multiplies
 * with: `cross_k_i` f32 [batch, nTextHead, headSize, nAudioCtx] and `cross_v_i` f32 [batch, nTextHead, nAudioCtx,
 * headSize]; and `encoder_output` f32 [batch, nAudioCtx, nAudioState] (computed only when it is asked for).
 */
export function cpuEncoderGraph(dimensions: ModelDimensions, layout: WeightLayout): Uint8Array {
  const graph = createGraph('whisper_encoder', 17);
  const layers = cpuLayers(graph, layout);
  const { nMels, nAudioCtx, nAudioState } = dimensions;
  const logMel = graph.input('log_mel', 'f32', ['batch', nMels, 2 * nAudioCtx]);
  const output = encode(layers, dimensions, logMel);
  addCrossKv(layers, dimensions, output);
  const shaped = layers.reshape(output, [-1, nAudioCtx, nAudioState]);
  graph.output('encoder_output', shaped, 'f32', ['batch', nAudioCtx, nAudioState]);
  return graph.serialize();
}

/** log-mel [batch, nMels, frames] -> encoder output [batch * nAudioCtx, nAudioState]. */
function encode(layers: Layers, dimensions: ModelDimensions, logMel: Value): Value {
  const { graph, layerNorm, linear, reshape } = layers;
  const { nAudioCtx, nAudioHead, nAudioLayer, nAudioState } = dimensions;
  let x = embedFrames(layers, dimensions, logMel);
  for (let layer = 0; layer < nAudioLayer; layer++) {
    const name = `model.encoder.layers.${layer}`;
    const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
    const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((projection) =>
      reshape(linear(normed, `${name}.self_attn.${projection}`), [-1, nAudioCtx, nAudioState]),
    );
    const attended = graph.op('MultiHeadAttention', [q, k, v], { num_heads: nAudioHead });
    const projected = linear(reshape(attended, [-1, nAudioState]), `${name}.self_attn.out_proj`);
    x = feedForward(layers, graph.op('Add', [x, projected]), name);
  }
  return layerNorm(x, 'model.encoder.layer_norm');
}

/** The two convolutions and the sinusoidal positions: [batch, nMels, frames] -> [batch * nAudioCtx, nAudioState]. */
function embedFrames(layers: Layers, dimensions: ModelDimensions, logMel: Value): Value {
  const { graph, gelu, weight, reshape } = layers;
  const convolve = (x: Value, name: string, stride: number) =>
    gelu(
      graph.op('Conv', [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
        kernel_shape: [3],
        pads: [1, 1],
        strides: [stride],
      }),
    );
  const frames = convolve(convolve(logMel, 'model.encoder.conv1', 1), 'model.encoder.conv2', 2);
  const embedded = graph.op('Add', [
    graph.op('Transpose', [frames], { perm: [0, 2, 1] }),
    weight('model.encoder.embed_positions.weight'),
  ]);
  return reshape(embedded, [-1, dimensions.nAudioState]);
}

function addCrossKv(layers: Layers, dimensions: ModelDimensions, output: Value): void {
  const { graph, linear, reshape } = layers;
  const { nAudioCtx, nTextHead, nTextLayer, nTextState } = dimensions;
  const headSize = nTextState / nTextHead;
  for (let layer = 0; layer < nTextLayer; layer++) {
    const project = (projection: string, perm: readonly number[]) => {
      const rows = linear(output, `model.decoder.layers.${layer}.encoder_attn.${projection}`);
      return graph.op('Transpose', [reshape(rows, [-1, nAudioCtx, nTextHead, headSize])], { perm });
    };
    const k = project('k_proj', [0, 2, 3, 1]);
    const v = project('v_proj', [0, 2, 1, 3]);
    graph.output(`cross_k_${layer}`, k, 'f32', ['batch', nTextHead, headSize, nAudioCtx]);
    graph.output(`cross_v_${layer}`, v, 'f32', ['batch', nTextHead, nAudioCtx, headSize]);
  }
}
