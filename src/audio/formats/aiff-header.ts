import type { PeekSource } from '../peek-source.ts';
import { maxSampleRate, minSampleRate, type PcmFormat, pcmFormat, type SampleEncoding } from './pcm.ts';
import type { SampleData } from './sample-data.ts';

/** Real headers end within some pages; what stands behind a picture of the cover is left to another program. */
const maxHeaderBytes = 1_048_576;
/** Of COMM: channels, frames, bits, the rate and, in AIFF-C, the compression. */
const commonBytes = 22;

/** Integers by what the compression is called, then by bytes per sample. */
const bigEndian: readonly (SampleEncoding | undefined)[] = [undefined, 's8', 's16be', 's24be', 's32be'];
const integers: Readonly<Record<string, typeof bigEndian>> = {
  NONE: bigEndian,
  twos: bigEndian,
  sowt: [undefined, 's8', 's16', 's24', 's32'],
};

/** What AIFF-C calls how samples are written, where that does not depend on their size. */
const compressions: Readonly<Record<string, SampleEncoding>> = {
  'raw ': 'u8',
  in24: 's24be',
  in32: 's32be',
  '42ni': 's24',
  '23ni': 's32',
  fl32: 'f32be',
  FL32: 'f32be',
  fl64: 'f64be',
  FL64: 'f64be',
  ulaw: 'mulaw',
  ULAW: 'mulaw',
  alaw: 'alaw',
  ALAW: 'alaw',
};

/**
 * Looks for the samples of an AIFF or AIFF-C (Apple, Audio Interchange File Format, 1991), without moving on.
 *
 * @returns undefined where they are compressed, or the header is in a way that is not known here
 */
export async function peekAiffHeader(source: PeekSource): Promise<SampleData | undefined> {
  const isCompressible = (await take(source, 8, 4)).toString('latin1') === 'AIFC';
  let format: PcmFormat | undefined;
  for (let offset = 12; offset < maxHeaderBytes; ) {
    const head = await take(source, offset, 8 + commonBytes);
    if (head.length < 16) return undefined;
    const id = head.toString('latin1', 0, 4);
    const sizeBytes = head.readUInt32BE(4);
    if (id === 'COMM') format = head.length < 8 + 18 ? undefined : commonFormat(head.subarray(8), isCompressible);
    if (id === 'SSND')
      return format === undefined ? undefined : sampleData(format, offset + 16 + head.readUInt32BE(8), sizeBytes, head);
    offset += 8 + sizeBytes + (sizeBytes % 2);
  }
  return undefined;
}

function commonFormat(common: Buffer, isCompressible: boolean): PcmFormat | undefined {
  const nChannels = common.readUInt16BE(0);
  const sampleBytes = Math.ceil(common.readUInt16BE(6) / 8);
  const sampleRate = extendedAt(common, 8);
  const compression = isCompressible ? common.toString('latin1', 18, 22) : 'NONE';
  const encoding = compressions[compression] ?? integers[compression]?.[sampleBytes];
  if (encoding === undefined || nChannels === 0) return undefined;
  return sampleRate >= minSampleRate && sampleRate <= maxSampleRate
    ? pcmFormat(encoding, sampleRate, nChannels)
    : undefined;
}

/** A number of 80 bits as the 68881 has them: sign and 15 bits of exponent, 64 bits of mantissa. Rates are whole ones. */
function extendedAt(bytes: Buffer, offset: number): number {
  const exponent = bytes.readUInt16BE(offset) - 16383 - 63;
  return Math.round(Number(bytes.readBigUInt64BE(offset + 2)) * 2 ** exponent);
}

/** Who writes to a pipe cannot come back to fill in a size: 0 (ffmpeg) or a little below 2 GiB (SoX) stands there. */
function sampleData(format: PcmFormat, dataOffset: number, sizeBytes: number, head: Buffer): SampleData {
  const isUnknown = sizeBytes <= 8 || sizeBytes >= 0x7f000000;
  const dataBytes = isUnknown ? undefined : Math.max(0, sizeBytes - 8 - head.readUInt32BE(8));
  return { format, dataOffset, dataBytes };
}

/** Bytes that are still to come, fewer at the end. */
async function take(source: PeekSource, offset: number, nBytes: number): Promise<Buffer> {
  return Buffer.from((await source.peek(offset + nBytes)).subarray(offset, offset + nBytes));
}
