import type { ModelDimensions } from '../model/dimensions.ts';
import { basicLayers, type Layers } from './layers.ts';
import type { GraphBuilder } from './onnx.ts';
import type { WeightLayout } from './weights.ts';

/** The operator set of the CPU's graphs. */
export const cpuOpset = 17;

/** The layers for ONNX Runtime on a CPU, with its own fused GELU and attention. */
export function cpuLayers(graph: GraphBuilder, layout: WeightLayout, dimensions: ModelDimensions): Layers {
  const { nAudioCtx, nAudioHead, nAudioState } = dimensions;
  const basic = basicLayers(graph, layout);
  const { reshape, weight } = basic;
  return {
    ...basic,
    layerNorm(x, name) {
      const inputs = [x, weight(`${name}.weight`), weight(`${name}.bias`)];
      return graph.op('LayerNormalization', inputs, { axis: -1, epsilon: { float: 1e-5 } });
    },
    gelu: (x) => graph.op('Gelu', [x]),
    encoderAttention(...qkv) {
      const windows = qkv.map((x) => reshape(x, [-1, nAudioCtx, nAudioState]));
      return reshape(graph.op('MultiHeadAttention', windows, { num_heads: nAudioHead }), [-1, nAudioState]);
    },
  };
}
