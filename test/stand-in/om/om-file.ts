import { messageField, textField, writeFields } from '../onnx/wire.ts';

export const headerSize = 256;
export const partitionTypes = { modelDef: 0, weights: 1, taskInfo: 2, inOutInfo: 8 } as const;

/** The header of an OM whose partitions, with their table, take so many bytes. */
export function omHeader(payloadSize: number, name: string): Buffer {
  const header = Buffer.alloc(headerSize);
  header.writeUInt32LE(0x444f4d49, 0);
  header.writeUInt32LE(headerSize, 4);
  header.writeUInt32LE(0x20000000, 8);
  header.writeUInt8(1, 82);
  Buffer.from(name).subarray(0, 31).copy(header, 84);
  header.writeUInt32LE(1, 156);
  header.write('stand-in', 160);
  header.writeBigUInt64LE(BigInt(payloadSize), 184);
  return header;
}

/** The table of partitions, which follow it in this order. */
export function partitionTable(partitions: readonly { readonly type: number; readonly size: number }[]): Buffer {
  const table = Buffer.alloc(tableSize(partitions.length));
  table.writeUInt32LE(partitions.length, 0);
  let offset = 0;
  for (const [i, { type, size }] of partitions.entries()) {
    const entry = 8 + i * 24;
    table.writeUInt32LE(type, entry);
    table.writeBigUInt64LE(BigInt(offset), entry + 8);
    table.writeBigUInt64LE(BigInt(size), entry + 16);
    offset += size;
  }
  return table;
}

export function tableSize(partitions: number): number {
  return 8 + partitions * 24;
}

/** A ModelDef with these string attributes, so long that what follows it begins at a multiple of the alignment. */
export function modelDef(attributes: Readonly<Record<string, string>>, start: number, alignment: number): Uint8Array {
  const encode = (padding: number) =>
    writeFields([
      textField(1, 'stand-in'),
      ...Object.entries({ ...attributes, padding: ' '.repeat(padding) }).map(([key, value]) =>
        messageField(11, [textField(1, key), messageField(2, [textField(2, value)])]),
      ),
    ]);
  // Three varints of two bytes each count the padding: begin where they have that length and take what is missing.
  const least = 128;
  const bare = encode(least);
  const missing = (alignment - ((start + bare.length) % alignment)) % alignment;
  return encode(least + missing);
}
