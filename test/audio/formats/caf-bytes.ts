export interface CafOptions {
  readonly codec?: string;
  /** 1 for floats, 2 for little endian */
  readonly flags?: number;
  readonly sampleBytes?: number;
  readonly nChannels?: number;
  readonly data: Uint8Array;
  /** overrides of what the header would truthfully say */
  readonly dataSize?: bigint;
}

function chunk(id: string, body: Uint8Array, sizeField = BigInt(body.length)): Buffer {
  const head = Buffer.alloc(12, id, 'latin1');
  head.writeBigInt64BE(sizeField, 4);
  return Buffer.concat([head, body]);
}

/** A CAF at 16 kHz with a chunk of odd length before its samples and one behind. */
export function cafBytes({
  codec = 'lpcm',
  flags = 0,
  sampleBytes = 2,
  nChannels = 1,
  data,
  dataSize,
}: CafOptions): Buffer {
  const description = Buffer.alloc(32);
  description.writeDoubleBE(16_000, 0);
  description.write(codec, 8, 'latin1');
  description.writeUInt32BE(flags, 12);
  description.writeUInt32BE(sampleBytes * nChannels, 16);
  description.writeUInt32BE(1, 20);
  description.writeUInt32BE(nChannels, 24);
  description.writeUInt32BE(8 * sampleBytes, 28);
  return Buffer.concat([
    Buffer.from('caff\0\x01\0\0', 'latin1'),
    chunk('desc', description),
    chunk('info', Buffer.from('odd')),
    chunk('data', Buffer.concat([Buffer.alloc(4), data]), dataSize),
    ...(dataSize === undefined ? [chunk('free', Buffer.alloc(100, 1))] : []),
  ]);
}
