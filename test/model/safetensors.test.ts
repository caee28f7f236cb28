import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { readSafetensors, readShardedSafetensors } from '../../src/model/safetensors.ts';
import { errorOf, safetensorsBytes, safetensorsOf, writeFiles } from './synthetic.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const file = join(folder, 'model.safetensors');

function open(bytes: Uint8Array) {
  writeFileSync(file, bytes);
  return readSafetensors(file);
}

const entry = (dtype: string, shape: unknown, data_offsets: unknown) => ({ dtype, shape, data_offsets });

describe('readSafetensors', () => {
  test('gives type, shape and place in the file, and leaves the metadata out', async () => {
    const header = { __metadata__: { format: 'pt' }, b: entry('BF16', [2, 1], [4, 8]), a: entry('F32', [], [0, 4]) };
    const bytes = safetensorsBytes(header, Buffer.alloc(8));
    const start = bytes.length - 8;
    expect([...(await open(bytes))]).toEqual([
      ['b', { dtype: 'bf16', shape: [2, 1], file, offset: start + 4, sizeBytes: 4 }],
      ['a', { dtype: 'f32', shape: [], file, offset: start, sizeBytes: 4 }],
    ]);
  });

  test.each([
    ['an empty file', Buffer.alloc(0), 'too few'],
    ['a header longer than the file', Buffer.from([200, 0, 0, 0, 0, 0, 0, 0, 123, 125]), 'header of 200 bytes'],
    ['a header of absurd length', Buffer.alloc(64, 0xff), 'header of'],
    ['a header that is no JSON', safetensorsBytes('{"a":'), 'no JSON object'],
    ['a header that is a list', safetensorsBytes([]), 'no JSON object'],
    ['an entry that is null', safetensorsBytes({ a: null }), 'a has no proper shape'],
    ['a negative size', safetensorsBytes({ a: entry('F32', [-1], [0, 4]) }), 'a has no proper shape'],
    ['a broken size', safetensorsBytes({ a: entry('F32', [0.5], [0, 2]) }), 'a has no proper shape'],
    ['three offsets', safetensorsBytes({ a: entry('F32', [1], [0, 4, 8]) }), 'a has no proper shape'],
    ['offsets back to front', safetensorsBytes({ a: entry('F32', [1], [4, 0]) }, Buffer.alloc(8)), 'has -4'],
    ['offsets that do not fit the shape', safetensorsBytes({ a: entry('F16', [3], [0, 8]) }), 'F16 [3], 6 bytes'],
    ['a tensor behind the end', safetensorsBytes({ a: entry('F32', [2], [0, 8]) }, Buffer.alloc(7)), 'incomplete'],
    [
      'tensors that overlap',
      safetensorsBytes({ a: entry('F32', [2], [0, 8]), b: entry('F32', [1], [4, 8]) }, Buffer.alloc(8)),
      'b overlaps',
    ],
  ])('refuses %s, naming the file', async (_, bytes, message) => {
    const error = await errorOf(() => open(bytes));
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining(file) });
    expect((error as Error).message).toContain(message);
  });

  test('refuses data types that it does not read', async () => {
    const error = await errorOf(() => open(safetensorsBytes({ a: entry('F8_E4M3', [1], [0, 1]) }, Buffer.alloc(1))));
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('F8_E4M3') });
  });

  test('names a file that is not there', async () => {
    const error = await errorOf(() => readSafetensors(join(folder, 'absent')));
    expect(error).toMatchObject({ code: 'MODEL_UNREADABLE', message: expect.stringContaining('absent') });
  });

  test('fails with a ModelError and nothing else, whatever the bytes', async () => {
    const header = fc.dictionary(
      fc.string(),
      fc.oneof(
        fc.jsonValue(),
        fc.record({
          dtype: fc.constantFrom('F32', 'F16', 'U8', 1),
          shape: fc.array(fc.oneof(fc.integer(), fc.nat(9), fc.double())),
          data_offsets: fc.array(fc.oneof(fc.integer(), fc.nat(99)), { maxLength: 3 }),
        }),
      ),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(header, fc.uint8Array()).map(([json, data]) => safetensorsBytes(json, data)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (content) => {
        await open(content).catch((error) => expect(error).toBeInstanceOf(ModelError));
      }),
      { numRuns: 200 },
    );
  });
});

describe('readShardedSafetensors', () => {
  const tensor = (value: number) => ({ shape: [1], values: Float32Array.of(value) });
  const index = join(folder, 'model.safetensors.index.json');
  const shards = {
    'one.safetensors': safetensorsOf([['a', tensor(1)]], 'f32'),
    'two.safetensors': safetensorsOf([['b', tensor(2)]], 'f32'),
  };

  test('joins the tensors of all files', async () => {
    writeFiles(folder, {
      ...shards,
      'model.safetensors.index.json': { weight_map: { a: 'one.safetensors', b: 'two.safetensors' } },
    });
    const tensors = await readShardedSafetensors(index);
    expect(Array.from(tensors, ([name, { file }]) => [name, file])).toEqual([
      ['a', join(folder, 'one.safetensors')],
      ['b', join(folder, 'two.safetensors')],
    ]);
  });

  test.each([
    ['without a map', {}],
    ['that leads out of the folder', { weight_map: { a: '../one.safetensors' } }],
    ['that places a tensor where it is not', { weight_map: { a: 'one.safetensors', c: 'two.safetensors' } }],
  ])('refuses an index %s', async (_, content) => {
    writeFiles(folder, { ...shards, 'model.safetensors.index.json': content });
    expect(await errorOf(() => readShardedSafetensors(index))).toMatchObject({
      code: 'MODEL_DAMAGED',
      message: expect.stringContaining(index),
    });
  });
});
