import { AudioError } from '../../errors.ts';
import type { ByteSource } from '../byte-source.ts';
import type { PeekSource } from '../peek-source.ts';
import type { PcmFormat } from './pcm.ts';
import type { SampleData } from './sample-data.ts';
import { otherCodec, parseFormat } from './wav-format.ts';

/** Real headers have a dozen chunks at most; a file of zeros would look like millions of empty ones. */
const maxChunks = 1000;
/** Bytes kept of a chunk. What is read of fmt (40) and ds64 (24) fits; the rest is passed over. */
const keptBytes = 64;
/** The format stands at the beginning, behind a few pages of padding at most. */
const maxLookaheadBytes = 65_536;

/**
 * Reads a RIFF, RF64 or BW64 header (EBU Tech 3306, ITU-R BS.2088) up to the first sample, whatever chunks come before it.
 *
 * @throws AudioError ('AUDIO_NO_FORMAT', 'AUDIO_NO_DATA', and those of `parseFormat`)
 */
export async function readWavHeader(source: ByteSource): Promise<SampleData> {
  const { name } = source;
  const riff = await take(source, 12);

  let format: PcmFormat | undefined;
  let longDataBytes: number | undefined;
  let offset = riff.length;
  for (let nChunks = 0; nChunks < maxChunks; nChunks++) {
    const head = await take(source, 8);
    if (head.length < 8) break;
    const id = text(head, 0, 4);
    const sizeBytes = head.readUInt32LE(4);
    offset += head.length;
    if (id === 'data') {
      if (format === undefined) break;
      const dataBytes = claimedBytes(sizeBytes, longDataBytes, riff.readUInt32LE(4) + 8 - offset);
      return { format, dataOffset: offset, dataBytes };
    }
    const body = await take(source, Math.min(sizeBytes, keptBytes));
    const paddedBytes = sizeBytes + (sizeBytes % 2);
    await skip(source, paddedBytes - body.length);
    offset += paddedBytes;
    if (id === 'fmt ') format = parseFormat(body, name);
    if (id === 'ds64' && body.length >= 16) longDataBytes = Number(body.readBigUInt64LE(8));
  }
  if (format === undefined)
    throw new AudioError('AUDIO_NO_FORMAT', `${name} has no fmt chunk before its samples: the header is damaged`);
  throw new AudioError('AUDIO_NO_DATA', `${name} has no data chunk: it ends before the first sample`);
}

/**
 * Looks ahead for the format, so that another program can still be given all of the file.
 *
 * @returns the codec where the samples are written in a way that is not known here
 */
export async function peekOtherCodec(source: PeekSource): Promise<string | undefined> {
  for (let offset = 12; offset < maxLookaheadBytes; ) {
    const head = Buffer.from((await source.peek(offset + 8 + keptBytes)).subarray(offset, offset + 8 + keptBytes));
    if (head.length < 8) return undefined;
    const sizeBytes = head.readUInt32LE(4);
    if (text(head, 0, 4) === 'fmt ')
      return Math.min(sizeBytes, head.length - 8) < 16 ? undefined : otherCodec(head.subarray(8, 8 + sizeBytes));
    offset += 8 + sizeBytes + (sizeBytes % 2);
  }
  return undefined;
}

/**
 * What the size field of a data chunk means. Programs that write to a pipe cannot come back to fill it in; they leave
 * 0 or all ones (ffmpeg) or a little below 2 GiB (SoX, arecord).
 *
 * @param sizeBytes the field
 * @param longBytes the 64-bit size of RF64, which stands for a field of all ones
 * @param riffBytesLeft how far the RIFF chunk says it goes on behind the field
 */
function claimedBytes(sizeBytes: number, longBytes: number | undefined, riffBytesLeft: number): number | undefined {
  if (sizeBytes === 0xffffffff && longBytes) return longBytes <= Number.MAX_SAFE_INTEGER ? longBytes : undefined;
  if (isPlaceholder(sizeBytes)) return undefined;
  // No samples and yet more to come by a true RIFF size: those are other chunks.
  if (sizeBytes === 0) return riffBytesLeft > 0 && !isPlaceholder(riffBytesLeft) ? 0 : undefined;
  return sizeBytes;
}

function isPlaceholder(sizeBytes: number): boolean {
  return sizeBytes >= 0xffff0000 || (sizeBytes >= 0x7fff0000 && sizeBytes <= 0x80000000);
}

/** The next `sizeBytes` bytes, fewer at the end. */
async function take(source: ByteSource, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  return bytes.subarray(0, await source.readInto(bytes));
}

async function skip(source: ByteSource, sizeBytes: number): Promise<void> {
  const scratch = new Uint8Array(Math.min(sizeBytes, 65_536));
  for (let left = sizeBytes; left > 0; ) {
    const nRead = await source.readInto(scratch.subarray(0, left));
    if (nRead === 0) return;
    left -= nRead;
  }
}

function text(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}
