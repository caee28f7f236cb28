import { type FileHandle, open } from 'node:fs/promises';
import type { WeightLayout } from '../graph/weights.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { toHalf } from '../model/float.ts';
import { readTensor } from '../model/tensor.ts';

export interface WriteWeightsOptions {
  /** Tensors that are made from one of the checkpoint's, by name. */
  readonly derive?: (name: string, values: Float32Array) => Iterable<readonly [string, Float32Array | Uint8Array]>;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the tensors of a layout into one file. */
export async function writeWeights(
  checkpoint: Checkpoint,
  layout: WeightLayout,
  path: string,
  { derive = () => [], signal }: WriteWeightsOptions = {},
): Promise<void> {
  await using file = await open(path, 'w');
  const write = async (name: string, values: Float32Array | Uint8Array) => {
    const placed = layout.tensors.get(name);
    if (placed === undefined) throw new Error(`${name} has no place in the weights file`);
    const stored = placed.type === 'f16' ? Uint16Array.from(values, toHalf) : values;
    await writeFully(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), placed.offset);
  };
  for (const [name, entry] of checkpoint.tensors) {
    signal?.throwIfAborted();
    const values = await readTensor(entry);
    await write(name, values);
    for (const [derived, derivedValues] of derive(name, values)) await write(derived, derivedValues);
  }
  await file.sync();
}

/** One write may take only part of what it is given, on a nearly full disk above all. */
async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}
