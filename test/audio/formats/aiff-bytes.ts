export interface AiffOptions {
  readonly compression?: string;
  readonly bits?: number;
  readonly nChannels?: number;
  readonly data: Uint8Array;
  /** overrides of what the header would truthfully say */
  readonly dataSize?: number;
  readonly chunksBefore?: readonly Buffer[];
  readonly chunksAfter?: readonly Buffer[];
}

/** One chunk, padded to an even length. */
export function aiffChunk(id: string, body: Uint8Array, sizeField = body.length): Buffer {
  const head = Buffer.alloc(8, id, 'latin1');
  head.writeUInt32BE(sizeField, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

/** An AIFF at 16 kHz, or an AIFF-C where a compression is named. */
export function aiffBytes(options: AiffOptions): Buffer {
  const { compression, bits = 16, nChannels = 1, data, dataSize } = options;
  const common = Buffer.alloc(18);
  common.writeUInt16BE(nChannels, 0);
  common.writeUInt16BE(bits, 6);
  common.write('400cfa00000000000000', 8, 'hex'); // 16,000
  const name = compression === undefined ? '' : `${compression}\x03odd`;
  return aiffChunk(
    'FORM',
    Buffer.concat([
      Buffer.from(compression === undefined ? 'AIFF' : 'AIFC'),
      ...(options.chunksBefore ?? []),
      aiffChunk('COMM', Buffer.concat([common, Buffer.from(name, 'latin1')])),
      aiffChunk('SSND', Buffer.concat([Buffer.alloc(8), data]), dataSize),
      ...(options.chunksAfter ?? []),
    ]),
  );
}
