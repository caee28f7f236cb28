import type { PcmBlock } from './decoded-audio.ts';

/** How one sample is written, little endian unless it says so; alaw and mulaw are those of G.711. */
export type SampleEncoding =
  | 'u8'
  | 's8'
  | 's16'
  | 's24'
  | 's32'
  | 'f32'
  | 'f64'
  | 's16be'
  | 's24be'
  | 's32be'
  | 'f32be'
  | 'f64be'
  | 'alaw'
  | 'mulaw';

/** In Hz; nothing beyond is sound, and damaged headers say anything. */
export const minSampleRate = 1_000;
export const maxSampleRate = 384_000;
/** As many as the largest sound cards have; damaged headers say tens of thousands. */
export const maxChannels = 64;

/** What a decoder must know of samples that are written one after the other. */
export interface PcmFormat {
  readonly encoding: SampleEncoding;
  readonly nChannels: number;
  /** in Hz, `minSampleRate` to `maxSampleRate` */
  readonly sampleRate: number;
  /** bytes of one sample of all channels */
  readonly frameBytes: number;
}

/** Encodings by the names that ffmpeg and SoX know raw samples by. */
export const rawEncodings: Readonly<Record<string, SampleEncoding>> = {
  u8: 'u8',
  s16le: 's16',
  s24le: 's24',
  s32le: 's32',
  f32le: 'f32',
  f64le: 'f64',
  mulaw: 'mulaw',
  alaw: 'alaw',
};

const sampleBytes: Readonly<Record<SampleEncoding, number>> = {
  u8: 1,
  s8: 1,
  s16: 2,
  s24: 3,
  s32: 4,
  f32: 4,
  f64: 8,
  s16be: 2,
  s24be: 3,
  s32be: 4,
  f32be: 4,
  f64be: 8,
  alaw: 1,
  mulaw: 1,
};

/** The format of samples that follow one another without gaps. */
export function pcmFormat(encoding: SampleEncoding, sampleRate: number, nChannels: number): PcmFormat {
  return { encoding, sampleRate, nChannels, frameBytes: nChannels * sampleBytes[encoding] };
}

/** Reads one sample at a byte offset, full scale being 1. */
type ReadSample = (bytes: DataView, offset: number) => number;

/** ITU-T G.711: three bits of exponent, four of mantissa, alternate bits (A-law) or all of them (mu-law) turned over. */
const alawTable = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = byte ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return (bits & 0x80 ? magnitude : -magnitude) / 0x8000;
});
const mulawTable = Float32Array.from({ length: 256 }, (_, byte) => {
  const bits = ~byte;
  const magnitude = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80 ? -magnitude : magnitude) / 0x8000;
});

const readers: Readonly<Record<SampleEncoding, ReadSample>> = {
  u8: (bytes, offset) => (bytes.getUint8(offset) - 128) / 128,
  s8: (bytes, offset) => bytes.getInt8(offset) / 128,
  s16: (bytes, offset) => bytes.getInt16(offset, true) / 0x8000,
  s24: (bytes, offset) => (bytes.getInt16(offset + 1, true) * 256 + bytes.getUint8(offset)) / 0x800000,
  s32: (bytes, offset) => bytes.getInt32(offset, true) / 0x80000000,
  f32: (bytes, offset) => bytes.getFloat32(offset, true),
  f64: (bytes, offset) => bytes.getFloat64(offset, true),
  s16be: (bytes, offset) => bytes.getInt16(offset) / 0x8000,
  s24be: (bytes, offset) => (bytes.getInt16(offset) * 256 + bytes.getUint8(offset + 2)) / 0x800000,
  s32be: (bytes, offset) => bytes.getInt32(offset) / 0x80000000,
  f32be: (bytes, offset) => bytes.getFloat32(offset),
  f64be: (bytes, offset) => bytes.getFloat64(offset),
  alaw: (bytes, offset) => alawTable[bytes.getUint8(offset)] as number,
  mulaw: (bytes, offset) => mulawTable[bytes.getUint8(offset)] as number,
};

/**
 * Takes interleaved samples apart.
 *
 * @param bytes at least `nFrames` frames
 */
export function decodePcm(bytes: DataView, nFrames: number, format: PcmFormat): PcmBlock {
  const { encoding, nChannels, frameBytes, sampleRate } = format;
  const read = readers[encoding];
  const stepBytes = frameBytes / nChannels;
  const channels = Array.from({ length: nChannels }, (_, channel) => {
    const samples = new Float32Array(nFrames);
    for (let frame = 0, offset = channel * stepBytes; frame < nFrames; frame++, offset += frameBytes)
      samples[frame] = read(bytes, offset);
    return samples;
  });
  return { channels, sampleRate };
}
