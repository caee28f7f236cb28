import type { ModelDimensions } from '../model/dimensions.ts';
import { int8Products } from './cpu-int8.ts';
import { basicLayers, type Layers } from './layers.ts';
import type { GraphBuilder, Value } from './onnx.ts';
import { optionalWeight, type WeightLayout } from './weights.ts';

/** The operator set of the CPU's graphs. */
export const cpuOpset = 17;

export interface CpuLayers extends Layers {
  /** x f32 [rows, inputs] times the 8-bit copy of a weight, f32 [rows, outputs]. */
  int8Product(x: Value, weightName: string): Value;
}

/** The layers for ONNX Runtime on a CPU, with its own fused GELU and attention; linear ones in 8 bits where the layout is. */
export function cpuLayers(graph: GraphBuilder, layout: WeightLayout, dimensions: ModelDimensions): CpuLayers {
  const { nAudioCtx, nAudioHead, nAudioState } = dimensions;
  const basic = basicLayers(graph, layout);
  const { reshape, weight } = basic;
  const int8Product = int8Products(graph, layout);
  return {
    ...basic,
    int8Product,
    linear(x, name) {
      const weightName = `${name}.weight`;
      if (layout.tensors.has(weightName)) return basic.linear(x, name);
      const product = int8Product(x, weightName);
      const bias = optionalWeight(graph, layout, `${name}.bias`);
      return bias === undefined ? product : graph.op('Add', [product, bias]);
    },
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
