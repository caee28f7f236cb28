import type { ModelDimensions } from '../model/dimensions.ts';
import { cpuLayers, cpuOpset } from './cpu-layers.ts';
import { encode } from './encoder.ts';
import type { Layers } from './layers.ts';
import { createGraph, type Value } from './onnx.ts';
import { type TapMode, withTaps } from './taps.ts';
import type { WeightLayout } from './weights.ts';

/**
 * The encoder with the cross-attention projections of every decoder layer behind it, for ONNX Runtime.
 *
 * Input `log_mel` f32 [batch, nMels, 2 * nAudioCtx]. Outputs, per decoder layer i, in the form the decoder multiplies
 * with: `cross_k_i` f32 [batch, nTextHead, headSize, nAudioCtx] and `cross_v_i` f32 [batch, nTextHead, nAudioCtx,
 * headSize]; and `encoder_output` f32 [batch, nAudioCtx, nAudioState].
 *
 * @param taps adds what comparisons of single blocks need (taps.ts)
 */
export function cpuEncoderGraph(dimensions: ModelDimensions, layout: WeightLayout, taps?: TapMode): Uint8Array {
  const graph = createGraph('whisper_encoder', cpuOpset);
  const { nMels, nAudioCtx, nAudioState } = dimensions;
  const plain = cpuLayers(graph, layout, dimensions);
  const layers = withTaps(plain, taps, { type: 'f32', dims: ['rows', nAudioState] });
  const logMel = graph.input('log_mel', 'f32', ['batch', nMels, 2 * nAudioCtx]);
  const output = encode(layers, dimensions, logMel);
  addCrossKv(layers, dimensions, layers.stream(output, 'model.encoder.layer_norm'));
  const shaped = layers.reshape(output, [-1, nAudioCtx, nAudioState]);
  graph.output('encoder_output', shaped, 'f32', ['batch', nAudioCtx, nAudioState]);
  return graph.serialize();
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
