import type { PeekSource } from '../peek-source.ts';
import { maxSampleRate, minSampleRate, type PcmFormat, pcmFormat, type SampleEncoding } from './pcm.ts';
import type { SampleData } from './sample-data.ts';

/** Real headers end within some pages. */
const maxHeaderBytes = 1_048_576;
/** Of desc, which comes first, and of data, which begins with the count of its edits. */
const [descriptionBytes, editCountBytes] = [32, 4];

/** Linear PCM by its flags, then by bytes per sample. */
const linear: readonly (readonly (SampleEncoding | undefined)[])[] = [
  [undefined, 's8', 's16be', 's24be', 's32be'],
  [undefined, undefined, undefined, undefined, 'f32be', undefined, undefined, undefined, 'f64be'],
  [undefined, 's8', 's16', 's24', 's32'],
  [undefined, undefined, undefined, undefined, 'f32', undefined, undefined, undefined, 'f64'],
];

const companded: Readonly<Record<string, SampleEncoding>> = { ulaw: 'mulaw', alaw: 'alaw' };

/**
 * Looks for the samples of a CAF (Apple, Core Audio Format Specification 1.0), without moving on.
 *
 * @returns undefined where they are compressed, or the header is in a way that is not known here
 */
export async function peekCafHeader(source: PeekSource): Promise<SampleData | undefined> {
  let format: PcmFormat | undefined;
  for (let offset = 8; offset < maxHeaderBytes; ) {
    const end = offset + 12 + descriptionBytes;
    const head = Buffer.from((await source.peek(end)).subarray(offset, end));
    if (head.length < 12) return undefined;
    const id = head.toString('latin1', 0, 4);
    const sizeBytes = Number(head.readBigInt64BE(4));
    if (id === 'desc') format = head.length < 12 + descriptionBytes ? undefined : describedFormat(head.subarray(12));
    if (id === 'data') {
      if (format === undefined) return undefined;
      // -1 where the writer could not come back to fill it in.
      const dataBytes = sizeBytes < editCountBytes ? undefined : sizeBytes - editCountBytes;
      return { format, dataOffset: offset + 12 + editCountBytes, dataBytes };
    }
    if (sizeBytes < 0) return undefined;
    offset += 12 + sizeBytes;
  }
  return undefined;
}

function describedFormat(description: Buffer): PcmFormat | undefined {
  const sampleRate = Math.round(description.readDoubleBE(0));
  const codec = description.toString('latin1', 8, 12);
  const flags = description.readUInt32BE(12);
  const frameBytes = description.readUInt32BE(16);
  const nChannels = description.readUInt32BE(24);
  const encoding = codec === 'lpcm' ? linear[flags]?.[frameBytes / nChannels] : companded[codec];
  if (encoding === undefined || nChannels === 0) return undefined;
  if (!(sampleRate >= minSampleRate && sampleRate <= maxSampleRate)) return undefined;
  const format = pcmFormat(encoding, sampleRate, nChannels);
  return format.frameBytes === frameBytes ? format : undefined;
}
