import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { readCTranslate2 } from '../../src/model/ctranslate2.ts';
import { cTranslate2Bytes, cTranslate2Variables, errorOf, type Variable } from './synthetic.ts';
import { temporaryFolder } from './temporary.ts';

const file = join(temporaryFolder(), 'model.bin');

function open(bytes: Uint8Array) {
  writeFileSync(file, bytes);
  return readCTranslate2(file);
}

const variable = (name: string, shape: number[], type: number, bytes: number[]): Variable => ({
  name,
  shape,
  type,
  bytes: Uint8Array.from(bytes),
});

describe('readCTranslate2', () => {
  test('finds the variables, at odd offsets, and their aliases', () => {
    const bytes = cTranslate2Bytes(
      [
        variable('flag', [], 1, [254]),
        variable('head', [], 2, [0x34, 0x12]),
        variable('x', [3, 1], 4, [1, 2, 3, 4, 5, 6]),
        variable('a/b', [1], 5, [7, 8]),
      ],
      { aliases: [['y', 'x']] },
    );
    const { tensors, scalars } = open(bytes);
    expect([...scalars]).toEqual([
      ['flag', -2],
      ['head', 0x1234],
    ]);
    const offset = bytes.indexOf(Buffer.from([1, 2, 3, 4, 5, 6]));
    expect(offset % 2).toBe(1);
    expect(tensors.get('x')).toEqual({ dtype: 'f16', shape: [3, 1], file, offset, sizeBytes: 6 });
    expect(tensors.get('y')).toEqual(tensors.get('x'));
    expect(tensors.get('a/b')).toMatchObject({ dtype: 'bf16', offset: bytes.indexOf(Buffer.from([7, 8])) });
  });

  test('reads names and tensors larger than what it reads at once', () => {
    const name = 'n'.repeat(9000);
    const { tensors } = open(
      cTranslate2Bytes([variable(name, [10000], 1, Array(10000).fill(5)), variable('last', [1], 1, [6])], {
        aliases: [['other', name]],
      }),
    );
    expect([...tensors.keys()]).toEqual([name, 'last', 'other']);
  });

  test.each([
    ['another version', cTranslate2Bytes([], { version: 5 }), 'format version 6 (found 5)'],
    ['a file of another program', Buffer.from('PK\x03\x04 pytorch_model'), 'format version 6'],
    ['another model', cTranslate2Bytes([], { specification: 'TransformerSpec' }), 'TransformerSpec'],
  ])('says that it does not read %s', async (_, bytes, message) => {
    const error = await errorOf(() => open(bytes));
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining(message) });
  });

  test.each([
    ['an unknown data type', cTranslate2Bytes([variable('x', [1], 9, [0])]), 'data type 9'],
    ['a size that does not fit the shape', cTranslate2Bytes([variable('x', [3], 4, [1, 2])]), 'has 2 bytes'],
    ['a name that is not ended', Buffer.from([6, 0, 0, 0, 2, 0, 65, 66]), 'should end a name'],
  ])('refuses %s, naming the file', async (_, bytes, message) => {
    const error = await errorOf(() => open(bytes));
    expect(error).toMatchObject({ code: 'MODEL_DAMAGED', message: expect.stringContaining(file) });
    expect((error as Error).message).toContain(message);
  });

  test('names a file that is not there', async () => {
    const error = await errorOf(() => readCTranslate2(`${file}.absent`));
    expect(error).toMatchObject({ code: 'MODEL_UNREADABLE', message: expect.stringContaining('absent') });
  });

  const whole = cTranslate2Bytes(cTranslate2Variables());

  test('refuses a file cut off anywhere', async () => {
    for (let length = 0; length < whole.length; length += 31) {
      const error = await errorOf(() => open(whole.subarray(0, length)));
      expect(error, `cut at ${length}`).toMatchObject({ code: 'MODEL_DAMAGED' });
    }
  });

  test('fails with a ModelError and nothing else, whatever bytes are changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, (places) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of places) bytes[at] = value;
        try {
          open(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelError);
        }
      }),
      { numRuns: 200 },
    );
  });
});
