import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytes, type Field, float, int, message, packedInts, serialize, string } from '../../src/graph/protobuf.ts';
import { readMessage, readPackedInts } from './wire-reader.ts';

const hex = (...fields: Field[]) => Buffer.from(serialize(fields)).toString('hex');

describe('the protobuf wire format', () => {
  test.each([
    ['zero', int(1, 0), '0800'],
    ['the largest of one byte', int(1, 127), '087f'],
    ['the smallest of two bytes', int(1, 128), '088001'],
    ["the specification's example", int(1, 150), '089601'],
    ['more than 32 bits', int(1, 2 ** 32), '088080808010'],
    ['the largest exact integer', int(1, Number.MAX_SAFE_INTEGER), '08ffffffffffffff0f'],
    ['a negative number, ten bytes of it', int(1, -1), '08ffffffffffffffffff01'],
    ['a field number of two bytes', int(16, 1), '800101'],
    ['a float', float(2, 1.5), '150000c03f'],
    ['text in UTF-8', string(2, 'tösting'), '120874c3b67374696e67'],
    ['empty text', string(2, ''), '1200'],
    ['raw bytes', bytes(3, Uint8Array.of(0, 255)), '1a0200ff'],
    ['packed integers', packedInts(4, [3, 270, 86942]), '2206038e029ea705'],
    ['no packed integers', packedInts(4, []), '2200'],
    ['a nested message', message(3, [int(1, 150)]), '1a03089601'],
    ['a message in a message', message(3, [message(3, [int(1, 150)]), int(2, 1)]), '1a071a030896011001'],
  ])('writes %s', (_, field, expected) => {
    expect(hex(field)).toBe(expected);
  });

  test('joins fields in their order', () => {
    expect(hex(int(2, 1), string(1, 'a'), int(2, 2))).toBe('10010a01611002');
  });

  test('writes every integer so that it reads back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 28 }), fc.maxSafeInteger(), (field, value) => {
        expect(readMessage(serialize([int(field, value)]))).toEqual(new Map([[field, [BigInt(value)]]]));
      }),
    );
  });

  test('writes every list of integers so that it reads back', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger()), (values) => {
        const [packed] = readMessage(serialize([packedInts(1, values)])).get(1) ?? [];
        expect(readPackedInts(packed as Uint8Array)).toEqual(values);
      }),
    );
  });

  test('gives messages of any length and depth their lengths', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 20 }), (content, depth) => {
        let field = bytes(1, content);
        for (let i = 0; i < depth; i++) field = message(1, [field]);
        let read = serialize([field]);
        for (let i = 0; i <= depth; i++) {
          const fields = readMessage(read);
          expect([...fields.keys()]).toEqual([1]);
          [read] = fields.get(1) as [Uint8Array];
        }
        expect(read).toEqual(content);
      }),
    );
  });
});
