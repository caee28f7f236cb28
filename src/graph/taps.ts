import type { Layers } from './layers.ts';
import type { Dimension, ElementType, Value } from './onnx.ts';

/** The name of the graph output with the output of a block, before it is added to the residual stream. */
export function blockTensor(block: string): string {
  return `${block}.block`;
}

/** The name of the graph input with the residual stream behind a block. */
function streamTensor(block: string): string {
  return `${block}.stream`;
}

/**
 * Layers for comparisons block by block: the graph outputs what each block computes, and computes the next block from a residual
 * stream that is an input, so that the error of one block does not reach the others.
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
