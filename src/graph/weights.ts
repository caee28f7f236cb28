import { weightsFile } from '../model/weights-table.ts';
import type { GraphBuilder, Value } from './onnx.ts';

const itemSizeBytes = { f32: 4, f16: 2, i8: 1, u8: 1 } as const;

/** Type and shape of a tensor of the weights file. */
export interface WeightShape {
  readonly type: 'f32' | 'f16' | 'i8' | 'u8';
  readonly shape: readonly number[];
}

/** A tensor of the weights file with its location in bytes. */
export interface PlacedWeight extends WeightShape {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Where each tensor lies in the weights file that the graphs of one model share. */
export interface WeightLayout {
  readonly tensors: ReadonlyMap<string, PlacedWeight>;
  readonly sizeBytes: number;
}

/** The token embedding, which is the output projection too. */
export const embedding = 'model.decoder.embed_tokens.weight';

/** A cache line, which is what vector loads want. */
const alignment = 64;

/**
 * Places tensors one behind the other, each at a multiple of 64 bytes.
 *
 * @param shapes types and shapes by name; tensors of the checkpoint keep their Hugging Face names
 */
export function layOutWeights(shapes: Iterable<readonly [name: string, WeightShape]>): WeightLayout {
  const tensors = new Map<string, PlacedWeight>();
  let end = 0;
  for (const [name, { type, shape }] of shapes) {
    const offset = Math.ceil(end / alignment) * alignment;
    const sizeBytes = shape.reduce((size, dim) => size * dim, itemSizeBytes[type]);
    tensors.set(name, { type, shape, offset, sizeBytes });
    end = offset + sizeBytes;
  }
  return { tensors, sizeBytes: end };
}

/** The tensor of that name as an initializer of the graph, or undefined where the checkpoint has none (a missing bias). */
export function optionalWeight(graph: GraphBuilder, layout: WeightLayout, name: string): Value | undefined {
  const placed = layout.tensors.get(name);
  if (placed === undefined) return undefined;
  const { type, shape, offset, sizeBytes } = placed;
  return graph.external(name, type, shape, { location: weightsFile, offset, sizeBytes });
}

/** As {@link optionalWeight}, for a tensor that every Whisper checkpoint has. */
export function weight(graph: GraphBuilder, layout: WeightLayout, name: string): Value {
  const value = optionalWeight(graph, layout, name);
  if (value === undefined) throw new Error(`the checkpoint has no tensor ${name}`);
  return value;
}
