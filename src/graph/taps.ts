import type { Layers } from './layers.ts';
import type { Dimension, ElementType, Value } from './onnx.ts';

/** Name of the output with what a block computed, before it is added to the stream. */
export function blockTensor(block: string): string {
  return `${block}.block`;
}

/** Name of the input with the stream behind a block. */
function streamTensor(block: string): string {
  return `${block}.stream`;
}

/**
 * Layers that let comparisons look at their blocks: the graph gives what each block computed, and computes the next one
 * from a stream that it is given, so that what one block gets wrong does not reach the others.
 */
export function withTaps<L extends Layers>(
  layers: L,
  { type, dims }: { readonly type: ElementType; readonly dims: readonly Dimension[] },
): L {
  const { graph } = layers;
  const tap = (name: string, block: Value): Value => {
    graph.output(blockTensor(name), block, type, dims);
    return graph.input(streamTensor(name), type, dims);
  };
  return {
    ...layers,
    residual: (_, block, name) => tap(name, block),
    stream: (x, name) => tap(name, x),
  };
}
