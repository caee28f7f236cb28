import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { readTensor, type TensorEntry, tensorSizeBytes } from '../../src/model/tensor.ts';
import { errorOf, floatBytes } from './synthetic.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();

/** A file with the bytes at an odd offset, and the entry that points to them. */
function stored(name: string, dtype: TensorEntry['dtype'], shape: number[], bytes: Uint8Array): TensorEntry {
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat([Buffer.from([1, 2, 3]), bytes, Buffer.from([4])]));
  expect(bytes.length).toBe(tensorSizeBytes(dtype, shape));
  return { dtype, shape, file, offset: 3, sizeBytes: bytes.length };
}

/** More than two blocks of f16, and not a whole number of them. */
const many = Float32Array.from({ length: 1_200_007 }, (_, i) => ((i * 7) % 255) / 8);

describe('readTensor', () => {
  test.each(['f32', 'f16', 'bf16'] as const)('reads %s across block borders from an odd offset', async (dtype) => {
    const entry = stored(`many.${dtype}`, dtype, [many.length], floatBytes(many, dtype));
    expect(Buffer.compare(Buffer.from((await readTensor(entry)).buffer), Buffer.from(many.buffer))).toBe(0);
  });

  test.each([
    ['i8', Int8Array.of(-128, 0, 127)],
    ['i16', Int16Array.of(-32768, 1, 32767)],
    ['i32', Int32Array.of(-65536, 2, 65536)],
  ] as const)('reads %s as numbers', async (dtype, values) => {
    const entry = stored(`integers.${dtype}`, dtype, [3], new Uint8Array(values.buffer));
    expect([...(await readTensor(entry))]).toEqual([...values]);
  });

  test('writes into the given array, which may be part of a larger one', async () => {
    const whole = new Float32Array(4).fill(9);
    const entry = stored('pair', 'f16', [2], floatBytes(Float32Array.of(1, -2), 'f16'));
    await readTensor(entry, whole.subarray(1, 3));
    expect([...whole]).toEqual([9, 1, -2, 9]);
  });

  test('reads a tensor without values', async () => {
    expect(await readTensor(stored('empty', 'f16', [0, 4], new Uint8Array(0)))).toHaveLength(0);
  });

  test('refuses an array of another size', async () => {
    const entry = stored('three', 'f32', [3], floatBytes(new Float32Array(3), 'f32'));
    await expect(readTensor(entry, new Float32Array(2))).rejects.toThrow(RangeError);
  });

  test('names the file that has become shorter or has gone', async () => {
    const entry = stored('cut', 'f32', [3], floatBytes(new Float32Array(3), 'f32'));
    truncateSync(entry.file, 9);
    const shorter = await errorOf(() => readTensor(entry));
    expect(shorter).toBeInstanceOf(ModelError);
    expect(shorter).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining(entry.file) });
    const gone = await errorOf(() => readTensor({ ...entry, file: join(folder, 'gone') }));
    expect(gone).toMatchObject({ code: 'MODEL_UNREADABLE', message: expect.stringContaining('gone') });
  });
});
