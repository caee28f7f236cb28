import type { ModelDimensions } from '../model/dimensions.ts';
import { feedForward, type Layers } from './layers.ts';
import type { Value } from './onnx.ts';

/** Whisper's encoder: log-mel [batch, nMels, 2 * nAudioCtx] -> [batch * nAudioCtx, nAudioState]. */
export function encode(layers: Layers, dimensions: ModelDimensions, logMel: Value): Value {
  const { encoderAttention, layerNorm, linear, residual } = layers;
  let x = layers.stream(embedFrames(layers, dimensions, logMel), 'model.encoder.embed');
  for (let layer = 0; layer < dimensions.nAudioLayer; layer++) {
    const name = `model.encoder.layers.${layer}`;
    const normed = layerNorm(x, `${name}.self_attn_layer_norm`);
    const project = (projection: string) => linear(normed, `${name}.self_attn.${projection}`);
    const attended = encoderAttention(project('q_proj'), project('k_proj'), project('v_proj'));
    x = residual(x, linear(attended, `${name}.self_attn.out_proj`), `${name}.self_attn`);
    x = feedForward(layers, x, name);
  }
  return layerNorm(x, 'model.encoder.layer_norm');
}

/** The two convolutions and the sinusoidal positions: [batch, nMels, frames] -> [batch * nAudioCtx, nAudioState]. */
function embedFrames(layers: Layers, { nAudioState }: ModelDimensions, logMel: Value): Value {
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
  return reshape(embedded, [-1, nAudioState]);
}
