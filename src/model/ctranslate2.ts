import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ModelError } from '../errors.ts';
import { damaged, unreadable } from './model-files.ts';
import { type DType, type TensorEntry, tensorSizeBytes } from './tensor.ts';

/** What a CTranslate2 `model.bin` holds, under its own names; aliases are names like any other. */
export interface CTranslate2Variables {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Whole-number settings, such as `encoder/num_heads`. */
  readonly scalars: ReadonlyMap<string, number>;
}

const dtypes: readonly DType[] = ['f32', 'i8', 'i16', 'i32', 'f16', 'bf16'];

/**
 * Reads what a `model.bin` of format version 6 holds and where, but no tensor data.
 *
 * Reads synchronously: the headers are strewn over the file between the tensors, and hundreds of tiny reads take
 * 1 ms so, but 40 ms when each goes through the thread pool.
 *
 * @param file absolute path
 * @throws ModelError `MODEL_UNREADABLE`, `MODEL_DAMAGED`, or `MODEL_UNSUPPORTED` for other versions and other models
 */
export function readCTranslate2(file: string): CTranslate2Variables {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    return readVariables(new FileCursor(descriptor, file));
  } finally {
    closeSync(descriptor);
  }
}

function readVariables(cursor: FileCursor): CTranslate2Variables {
  const { file } = cursor;
  const version = cursor.u32();
  if (version !== 6)
    throw new ModelError('MODEL_UNSUPPORTED', `${file}: no CTranslate2 model of format version 6 (found ${version})`, {
      hint: 'use one converted with CTranslate2 3 or newer, or one in safetensors',
    });
  const specification = cursor.string();
  if (specification !== 'WhisperSpec')
    throw new ModelError('MODEL_UNSUPPORTED', `${file}: the model is a ${specification}, not a Whisper`);
  cursor.u32(); // The specification's revision says nothing about the layout.

  const tensors = new Map<string, TensorEntry>();
  const scalars = new Map<string, number>();
  for (let remaining = cursor.u32(); remaining > 0; remaining -= 1) {
    const { name, entry } = readVariable(cursor);
    if (entry.shape.length > 0) {
      tensors.set(name, entry);
      cursor.skip(entry.sizeBytes);
    } else {
      scalars.set(name, cursor.take(entry.sizeBytes).readIntLE(0, entry.sizeBytes));
    }
  }
  for (let remaining = cursor.u32(); remaining > 0; remaining -= 1) {
    const alias = cursor.string();
    const target = cursor.string();
    const entry = tensors.get(target);
    if (entry !== undefined) tensors.set(alias, entry);
  }
  return { tensors, scalars };
}

function readVariable(cursor: FileCursor): { name: string; entry: TensorEntry } {
  const { file } = cursor;
  const name = cursor.string();
  const rank = cursor.u8();
  const shape = Array.from({ length: rank }, () => cursor.u32());
  const code = cursor.u8();
  const dtype = dtypes[code];
  if (dtype === undefined) throw damaged(file, `${name} has the unknown data type ${code}`);
  const sizeBytes = cursor.u32();
  if (sizeBytes !== tensorSizeBytes(dtype, shape))
    throw damaged(file, `${name} is ${dtype} [${shape}], but has ${sizeBytes} bytes`);
  return { name, entry: { dtype, shape, file, offset: cursor.position, sizeBytes } };
}

/** Reads a file front to back in small pieces, with jumps over what does not matter. */
class FileCursor {
  readonly file: string;
  position = 0;
  readonly #descriptor: number;
  readonly #size: number;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(descriptor: number, file: string) {
    this.file = file;
    this.#descriptor = descriptor;
    this.#size = fstatSync(descriptor).size;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  /** A u16 length, then as many bytes, the last of which is NUL. */
  string(): string {
    const bytes = this.take(this.take(2).readUInt16LE());
    if (bytes.at(-1) !== 0) throw damaged(this.file, `byte ${this.position} should end a name`);
    return bytes.toString('utf8', 0, bytes.length - 1);
  }

  /** The next bytes; valid until the next call. */
  take(count: number): Buffer {
    const start = this.position;
    this.skip(count);
    if (start < this.#windowStart || this.position > this.#windowStart + this.#window.length) {
      this.#window = this.#read(start, Math.max(count, 4096));
      this.#windowStart = start;
    }
    if (this.position > this.#windowStart + this.#window.length) throw damaged(this.file, 'the file is incomplete');
    return this.#window.subarray(start - this.#windowStart, this.position - this.#windowStart);
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.#size)
      throw damaged(this.file, `has ${this.#size} bytes where at least ${this.position} should be: it is incomplete`);
  }

  #read(position: number, count: number): Buffer {
    const buffer = Buffer.alloc(count);
    try {
      return buffer.subarray(0, readSync(this.#descriptor, buffer, 0, count, position));
    } catch (cause) {
      throw unreadable(this.file, cause);
    }
  }
}
