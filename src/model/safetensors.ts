import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ModelError } from '../errors.ts';
import { shardsOf } from './checkpoint-files.ts';
import { damaged, type JsonObject, jsonObject, readText, unreadable } from './model-files.ts';
import { type DType, readFully, type TensorEntry, tensorSizeBytes } from './tensor.ts';

const dtypes: ReadonlyMap<unknown, DType> = new Map(
  (['F32', 'F16', 'BF16', 'I8', 'I16', 'I32'] as const).map((name) => [name, name.toLowerCase() as DType]),
);

/** The limit of the reference implementation (huggingface/safetensors, MAX_HEADER_SIZE). */
const largestHeaderBytes = 100_000_000;

/**
 * Reads the header of a `.safetensors` file: u64 length, then JSON; the tensors' data follows.
 *
 * @param file absolute path
 * @throws ModelError `MODEL_UNREADABLE`, `MODEL_DAMAGED`, or `MODEL_UNSUPPORTED` for a data type that we do not read
 */
export async function readSafetensors(file: string): Promise<Map<string, TensorEntry>> {
  const handle = await open(file).catch((cause) => {
    throw unreadable(file, cause);
  });
  try {
    const { size } = await handle.stat();
    const { header, dataOffset } = await readHeader(handle, file, size);
    const tensors = new Map<string, TensorEntry>();
    for (const [name, description] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      tensors.set(name, tensorEntry(name, description, file, dataOffset, size));
    }
    checkOverlaps(tensors, file);
    return tensors;
  } finally {
    await handle.close();
  }
}

/**
 * Reads the headers of all files that an index spreads the tensors over.
 *
 * @param index absolute path of `model.safetensors.index.json`
 * @throws ModelError as {@link readSafetensors}, or `MODEL_DAMAGED` if a file lacks a tensor that the index places in it
 */
export async function readShardedSafetensors(index: string): Promise<Map<string, TensorEntry>> {
  const text = await readText(index);
  const shards = shardsOf(text);
  if (shards === undefined) throw damaged(index, 'names no files of tensors');
  const tensors = new Map<string, TensorEntry>();
  for (const shard of shards) {
    for (const [name, entry] of await readSafetensors(join(dirname(index), shard))) tensors.set(name, entry);
  }
  const { weight_map: placed } = jsonObject(text, index);
  const absent = Object.keys(placed as JsonObject).find((name) => !tensors.has(name));
  if (absent !== undefined) throw damaged(index, `places ${absent} in a file that does not have it`);
  return tensors;
}

async function readHeader(handle: FileHandle, file: string, size: number) {
  if (size < 8) throw damaged(file, `has ${size} bytes, too few for a safetensors file`);
  const prefix = Buffer.alloc(8);
  await readFully(handle, prefix, 0, file);
  const length = Number(prefix.readBigUInt64LE());
  if (length > Math.min(size - 8, largestHeaderBytes))
    throw damaged(file, `claims a header of ${length} bytes in a file of ${size}`);
  const json = Buffer.alloc(length);
  await readFully(handle, json, 8, file);
  return { header: jsonObject(json.toString('utf8'), file), dataOffset: 8 + length };
}

function tensorEntry(name: string, description: unknown, file: string, dataOffset: number, size: number): TensorEntry {
  const { dtype: dtypeName, shape, data_offsets: range } = (description ?? {}) as JsonObject;
  if (!isSizes(shape) || !isSizes(range) || range.length !== 2)
    throw damaged(file, `${name} has no proper shape and data_offsets`);
  const dtype = dtypes.get(dtypeName);
  if (dtype === undefined)
    throw new ModelError('MODEL_UNSUPPORTED', `${file}: ${name} has data type ${String(dtypeName)}`, {
      hint: 'use a checkpoint in float16, bfloat16 or float32',
    });
  const [begin, end] = range as [number, number];
  const sizeBytes = tensorSizeBytes(dtype, shape);
  if (end - begin !== sizeBytes)
    throw damaged(file, `${name} is ${dtypeName} [${shape}], ${sizeBytes} bytes, but has ${end - begin}`);
  if (dataOffset + end > size) throw damaged(file, `ends before ${name} does: the file is incomplete`);
  return { dtype, shape, file, offset: dataOffset + begin, sizeBytes };
}

function checkOverlaps(tensors: ReadonlyMap<string, TensorEntry>, file: string): void {
  const byOffset = [...tensors].sort(([, a], [, b]) => a.offset - b.offset);
  let end = 0;
  for (const [name, { offset, sizeBytes }] of byOffset) {
    if (offset < end) throw damaged(file, `${name} overlaps another tensor`);
    end = offset + sizeBytes;
  }
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
