import { type FileHandle, open } from 'node:fs/promises';
import { widenBf16, widenF16 } from './float.ts';
import { damaged, unreadable } from './model-files.ts';

export type DType = 'f32' | 'f16' | 'bf16' | 'i8' | 'i16' | 'i32';

/** Where a tensor's values lie: row-major, little-endian, at any byte offset (CTranslate2 aligns nothing). */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Absolute path. */
  readonly file: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

const itemSizeBytes: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i8: 1, i16: 2, i32: 4 };

/** How many bytes values of this type and shape take. */
export function tensorSizeBytes(dtype: DType, shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, itemSizeBytes[dtype]);
}

/** Fits the second-level cache, so that a block is still there when it is widened. */
const blockSizeBytes = 1 << 20;

/**
 * Reads a tensor, widened to f32. Needs no more memory than the result and one block of 1 MiB.
 *
 * @param out receives the values; as many as the shape has
 * @throws ModelError `MODEL_UNREADABLE`, or `MODEL_DAMAGED` if the file has become shorter
 */
export async function readTensor(entry: TensorEntry, out?: Float32Array): Promise<Float32Array> {
  const { dtype, file, offset, sizeBytes } = entry;
  const count = sizeBytes / itemSizeBytes[dtype];
  const values = out ?? new Float32Array(count);
  if (values.length !== count) throw new RangeError(`${values.length} places for ${count} values`);

  const handle = await open(file).catch((cause) => {
    throw unreadable(file, cause);
  });
  try {
    const block = new Uint8Array(Math.min(sizeBytes, blockSizeBytes));
    for (let done = 0; done < sizeBytes; done += block.length) {
      const part = block.subarray(0, Math.min(block.length, sizeBytes - done));
      await readFully(handle, part, offset + done, file);
      widen(dtype, part, values, done / itemSizeBytes[dtype]);
    }
  } finally {
    await handle.close();
  }
  return values;
}

/** Fills `part` from `position` on; one read may bring less than was asked for. */
export async function readFully(handle: FileHandle, part: Uint8Array, position: number, file: string): Promise<void> {
  for (let filled = 0; filled < part.length; ) {
    const { bytesRead } = await handle.read(part, filled, part.length - filled, position + filled).catch((cause) => {
      throw unreadable(file, cause);
    });
    if (bytesRead === 0) throw damaged(file, `ends at byte ${position + filled}, before a tensor does`);
    filled += bytesRead;
  }
}

/** Reads typed arrays straight from the bytes: every platform that Node runs this on is little-endian, as the files. */
function widen(dtype: DType, bytes: Uint8Array, out: Float32Array, at: number): void {
  const { buffer, byteOffset } = bytes;
  const count = bytes.length / itemSizeBytes[dtype];
  const bits = new Int32Array(out.buffer, out.byteOffset, out.length);
  switch (dtype) {
    case 'f32':
      out.set(new Float32Array(buffer, byteOffset, count), at);
      break;
    case 'f16':
      widenF16(new Int16Array(buffer, byteOffset, count), bits, at);
      break;
    case 'bf16':
      widenBf16(new Int16Array(buffer, byteOffset, count), bits, at);
      break;
    case 'i8':
      out.set(new Int8Array(buffer, byteOffset, count), at);
      break;
    case 'i16':
      out.set(new Int16Array(buffer, byteOffset, count), at);
      break;
    case 'i32':
      out.set(new Int32Array(buffer, byteOffset, count), at);
      break;
  }
}
