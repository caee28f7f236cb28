import { createHash } from 'node:crypto';
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

/**
 * Writes the tensors of a layout into one file, from its beginning to its end.
 *
 * @returns the SHA-256 of what was written, in hex
 */
export async function writeWeights(
  checkpoint: Checkpoint,
  layout: WeightLayout,
  path: string,
  { derive = (name, values) => [[name, values]], signal }: WriteWeightsOptions = {},
): Promise<string> {
  await using file = await open(path, 'w');
  const append = appendTo(file, layout);
  for (const [name, entry] of checkpoint.tensors) {
    signal?.throwIfAborted();
    for (const [stored, values] of derive(name, await readTensor(entry))) await append(stored, values);
  }
  await file.sync();
  return append.end();
}

/** Appends tensors in the layout's order and hashes them; one that comes too early waits for its turn. */
function appendTo(file: FileHandle, { tensors }: WeightLayout) {
  const order = [...tensors].sort(([, a], [, b]) => a.offset - b.offset);
  const waiting = new Map<string, Uint8Array>();
  const hash = createHash('sha256');
  let written = 0;
  let position = 0;
  const write = async (bytes: Uint8Array) => {
    await writeFully(file, bytes, position);
    hash.update(bytes);
    position += bytes.length;
  };
  const append = async (name: string, values: StoredValues) => {
    const type = tensors.get(name)?.type;
    if (type === undefined) throw new Error(`${name} has no place in the weights file`);
    const stored = type === 'f16' ? halvesOf(values) : values;
    waiting.set(name, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    for (let next = order[written]; next !== undefined; next = order[written]) {
      const bytes = waiting.get(next[0]);
      if (bytes === undefined) return;
      waiting.delete(next[0]);
      await write(new Uint8Array(next[1].offset - position));
      await write(bytes);
      written++;
    }
  };
  const end = () => {
    const lacking = order[written];
    if (lacking !== undefined) throw new Error(`${lacking[0]} was not given to the weights file`);
    return hash.digest('hex');
  };
  return Object.assign(append, { end });
}

/** In a loop: `Uint16Array.from()` takes many times as long, which is minutes for whisper-medium. */
function halvesOf(values: StoredValues): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = toHalf(values[i] as number);
  return halves;
}

/** One write may take only part of what it is given, on a nearly full disk above all. */
async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}
