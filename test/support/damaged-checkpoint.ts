import { cp, open } from 'node:fs/promises';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import { toHalf } from '../../src/model/float.ts';
import { readTensor } from '../../src/model/tensor.ts';

/** A row of a tensor (a single value, where the tensor has one dimension) and what it is multiplied by. */
export interface Damage {
  readonly tensor: string;
  readonly row: number;
  readonly factor: number;
}

/** Copies a model's folder with one row of one weight scaled. */
export async function copyDamaged(source: string, target: string, { tensor, row, factor }: Damage): Promise<void> {
  await cp(source, target, { recursive: true, dereference: true });
  const entry = (await openCheckpoint(target)).tensors.get(tensor);
  if (entry === undefined) throw new Error(`no tensor ${tensor}`);
  const values = await readTensor(entry);
  const rowLength = values.length / entry.shape[0]!;
  const scaled = values.subarray(row * rowLength, (row + 1) * rowLength).map((value) => value * factor);
  const stored = entry.dtype === 'f16' ? Uint16Array.from(scaled, toHalf) : scaled;
  const rowBytes = entry.sizeBytes / entry.shape[0]!;
  if (stored.byteLength !== rowBytes) throw new Error(`${tensor} is ${entry.dtype}`);
  await using file = await open(entry.file, 'r+');
  await file.write(
    new Uint8Array(stored.buffer, stored.byteOffset, rowBytes),
    0,
    rowBytes,
    entry.offset + row * rowBytes,
  );
}
