import type { Layers } from './layers.ts';
import type { Dimension, ElementType, Value } from './onnx.ts';

/**
 * How a graph lets comparisons look at its blocks.
 *
 * - `chained`: computes as always, and gives what each block computed and the stream behind it.
 * - `separate`: computes each block from a stream that it is given, so that what one block gets wrong does not reach the
 *   next, and gives what each computed.
 */
export type TapMode = 'chained' | 'separate';

/** Name of the output with what a block computed, before it is added to the stream. */
export function blockTensor(block: string): string {
  return `${block}.block`;
}

/** Name of the stream behind a block: an output of `chained` graphs and an input of `separate` ones. */
function streamTensor(block: string): string {
  return `${block}.stream`;
}

/** Layers that tap every block; without a mode, the layers as they are. */
export function withTaps<L extends Layers>(
  layers: L,
  mode: TapMode | undefined,
  { type, dims }: { readonly type: ElementType; readonly dims: readonly Dimension[] },
): L {
  if (mode === undefined) return layers;
  const { graph } = layers;
  const tap = (name: string, block: Value, following: () => Value): Value => {
    graph.output(blockTensor(name), block, type, dims);
    if (mode === 'separate') return graph.input(streamTensor(name), type, dims);
    const stream = following();
    graph.output(streamTensor(name), stream, type, dims);
    return stream;
  };
  return {
    ...layers,
    residual: (x, block, name) => tap(name, block, () => layers.residual(x, block, name)),
    stream: (x, name) => tap(name, x, () => layers.stream(x, name)),
  };
}
