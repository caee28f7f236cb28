import { type FileHandle, open } from 'node:fs/promises';
import type { WeightLayout } from '../graph/weights.ts';
import type { Checkpoint } from '../model/checkpoint.ts';
import { toHalf } from '../model/float.ts';
import { readTensor } from '../model/tensor.ts';

type StoredValues = Float32Array | Uint8Array | Int8Array;

export interface WriteWeightsOptions {
  /** What is written of one of the checkpoint's tensors, by name; by default the tensor itself. */
  readonly derive?: (name: string, values: Float32Array) => Iterable<readonly [string, StoredValues]>;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the tensors of a layout into one file. */
export async function writeWeights(
  checkpoint: Checkpoint,
  layout: WeightLayout,
  path: string,
  { derive = (name, values) => [[name, values]], signal }: WriteWeightsOptions = {},
): Promise<void> {
  await using file = await open(path, 'w');
  const write = async (name: string, values: StoredValues) => {
    const placed = layout.tensors.get(name);
    if (placed === undefined) throw new Error(`${name} has no place in the weights file`);
    const stored = placed.type === 'f16' ? Uint16Array.from(values, toHalf) : values;
    await writeFully(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), placed.offset);
  };
  for (const [name, entry] of checkpoint.tensors) {
    signal?.throwIfAborted();
    for (const [stored, values] of derive(name, await readTensor(entry))) await write(stored, values);
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
