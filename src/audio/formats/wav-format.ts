import wavefile from 'wavefile';
import { AudioError } from '../../errors.ts';
import { conversionHint } from '../file-kind.ts';
import { maxSampleRate, minSampleRate, type PcmFormat, type SampleEncoding } from './pcm.ts';

/** The fields of wavefile's `fmt`, which its own types leave out. */
interface FormatChunk {
  readonly audioFormat: number;
  readonly numChannels: number;
  readonly sampleRate: number;
  readonly blockAlign: number;
  readonly bitsPerSample: number;
  readonly subformat: readonly number[];
}

const extensibleTag = 0xfffe;
/** WAVE_FORMAT_EXTENSIBLE puts the tag into the first 4 bytes of a GUID; these are the other 12. */
const extensibleGuidTail: readonly number[] = [0x00100000, 0xaa000080, 0x719b3800];

/** By format tag, then by bytes per sample. */
const encodings: Readonly<Record<number, Readonly<Record<number, SampleEncoding>>>> = {
  1: { 1: 'u8', 2: 's16', 3: 's24', 4: 's32' },
  3: { 4: 'f32', 8: 'f64' },
  6: { 1: 'alaw' },
  7: { 1: 'mulaw' },
};

const codecNames: Readonly<Record<number, string>> = {
  1: 'PCM',
  2: 'Microsoft ADPCM',
  3: 'float',
  6: 'A-law',
  7: 'mu-law',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG audio',
  85: 'MP3',
  255: 'AAC',
  353: 'Windows Media Audio',
  61868: 'FLAC',
  [extensibleTag]: 'extensible format of unknown kind',
};

/**
 * Reads and checks the `fmt ` chunk.
 *
 * @param chunk its content, from the format tag on
 * @param name the file, for messages
 * @throws AudioError ('AUDIO_BAD_FORMAT', 'AUDIO_UNSUPPORTED_CODEC')
 */
export function parseFormat(chunk: Uint8Array, name: string): PcmFormat {
  const bad = (what: string): AudioError => new AudioError('AUDIO_BAD_FORMAT', `${name} has a damaged header: ${what}`);
  if (chunk.length < 16) throw bad(`its fmt chunk holds ${chunk.length} bytes instead of 16 or more`);
  const { numChannels, sampleRate, blockAlign, bitsPerSample } = readChunk(chunk);
  const sampleBytes = bytesOf(bitsPerSample);
  const encoding = encodings[tagOf(chunk)]?.[sampleBytes];
  if (encoding === undefined) {
    throw new AudioError(
      'AUDIO_UNSUPPORTED_CODEC',
      `${name} is encoded as ${otherCodec(chunk)}, which is not supported`,
      { hint: conversionHint(name) },
    );
  }
  if (numChannels === 0) throw bad('0 channels');
  if (sampleRate < minSampleRate || sampleRate > maxSampleRate)
    throw bad(`expected a sample rate from ${minSampleRate} to ${maxSampleRate} Hz but it says ${sampleRate}`);
  if (blockAlign !== numChannels * sampleBytes)
    throw bad(`${numChannels} channels of ${sampleBytes} bytes do not make frames of ${blockAlign} bytes`);
  return { encoding, nChannels: numChannels, sampleRate, frameBytes: blockAlign };
}

/**
 * Names the codec of samples that are not read here.
 *
 * @param chunk the content of a `fmt ` chunk
 */
export function otherCodec(chunk: Uint8Array): string | undefined {
  const { bitsPerSample } = readChunk(chunk);
  const tag = tagOf(chunk);
  if (encodings[tag]?.[bytesOf(bitsPerSample)] !== undefined) return undefined;
  return `${bitsPerSample}-bit ${codecNames[tag] ?? `format tag 0x${tag.toString(16)}`}`;
}

function tagOf(chunk: Uint8Array): number {
  const { audioFormat, subformat } = readChunk(chunk);
  return audioFormat === extensibleTag ? extensibleFormatTag(subformat) : audioFormat;
}

/** Bits that do not fill their bytes stand at the upper end of them. */
function bytesOf(bitsPerSample: number): number {
  return Math.ceil(bitsPerSample / 8);
}

/** wavefile reads whole files: give it the chunk, at its full length, as the header of one without samples. */
function readChunk(chunk: Uint8Array): FormatChunk {
  const fullChunk = new Uint8Array(40);
  fullChunk.set(chunk.subarray(0, fullChunk.length));
  const header = Buffer.from('RIFF\0\0\0\0WAVEfmt \x28\0\0\0', 'latin1');
  const wave = new wavefile.WaveFile();
  wave.fromBuffer(Buffer.concat([header, fullChunk, Buffer.from('data\0\0\0\0', 'latin1')]), false);
  return wave.fmt as FormatChunk;
}

/** The tag inside an extensible format's GUID, or the tag "extensible" itself when the GUID is of another kind. */
function extensibleFormatTag([tag, ...tail]: readonly number[]): number {
  const isWaveGuid = tail.length === 3 && tail.every((word, i) => word === extensibleGuidTail[i]);
  return tag !== undefined && isWaveGuid ? tag : extensibleTag;
}
