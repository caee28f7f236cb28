import type { ModelDimensions } from '../model/dimensions.ts';
import { encode } from './encoder.ts';
import { type NpuDtype, npuLayers, npuOpset } from './npu-layers.ts';
import { createGraph } from './onnx.ts';
import { withTaps } from './taps.ts';
import type { WeightLayout } from './weights.ts';

/**
 * The encoder with the cross-attention projections of every decoder layer behind it, for atc; static shapes, one window.
 *
 * Input `log_mel` f32 [1, nMels, 2 * nAudioCtx]. Outputs, of the graph's dtype and row-major as their products wrote
 * them: `cross_k_i`, `cross_v_i` [nAudioCtx, nTextState] per decoder layer i, and `encoder_output` f32 [nAudioCtx,
 * nAudioState].
 *
 * @param tapped whether the output of every block is an output of the graph (taps.ts), in the graph's dtype
 */
export function npuEncoderGraph(
  dimensions: ModelDimensions,
  layout: WeightLayout,
  dtype: NpuDtype,
  tapped = false,
): Uint8Array {
  const { nMels, nAudioCtx, nAudioState, nTextLayer, nTextState } = dimensions;
  const graph = createGraph('whisper_encoder', npuOpset);
  const plain = npuLayers(graph, layout, dimensions, dtype);
  const layers = tapped ? withTaps(plain, { type: dtype, dims: [nAudioCtx, nAudioState] }) : plain;
  const logMel = graph.input('log_mel', 'f32', [1, nMels, 2 * nAudioCtx]);
  const output = encode(layers, dimensions, layers.cast(logMel, 'f32', dtype));
  const encoded = layers.stream(output, 'model.encoder.layer_norm');
  for (let layer = 0; layer < nTextLayer; layer++) {
    const name = `model.decoder.layers.${layer}.encoder_attn`;
    graph.output(`cross_k_${layer}`, layers.linear(encoded, `${name}.k_proj`), dtype, [nAudioCtx, nTextState]);
    graph.output(`cross_v_${layer}`, layers.linear(encoded, `${name}.v_proj`), dtype, [nAudioCtx, nTextState]);
  }
  graph.output('encoder_output', layers.cast(output, dtype, 'f32'), 'f32', [nAudioCtx, nAudioState]);
  return graph.serialize();
}
