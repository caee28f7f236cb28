import type { SampleEncoding, WavFormat } from './wav-format.ts';

/** Reads one sample at a byte offset, full scale being 1. */
type ReadSample = (bytes: DataView, offset: number) => number;

const readers: Readonly<Record<SampleEncoding, ReadSample>> = {
  u8: (bytes, offset) => (bytes.getUint8(offset) - 128) / 128,
  s16: (bytes, offset) => bytes.getInt16(offset, true) / 0x8000,
  s24: (bytes, offset) => (bytes.getInt16(offset + 1, true) * 256 + bytes.getUint8(offset)) / 0x800000,
  s32: (bytes, offset) => bytes.getInt32(offset, true) / 0x80000000,
  f32: (bytes, offset) => bytes.getFloat32(offset, true),
  f64: (bytes, offset) => Math.fround(bytes.getFloat64(offset, true)),
};

/**
 * Turns interleaved WAV samples into one channel. NaN and infinite samples count as 0.
 *
 * @param bytes at least `nFrames` frames
 * @param channel which one, from 0; undefined for the mean of all
 * @returns `samples` [nFrames], full scale being 1 but not limited to it; `hasNonFinite` if a sample was replaced
 */
export function decodeMono(
  bytes: DataView,
  nFrames: number,
  format: WavFormat,
  channel: number | undefined,
): { samples: Float32Array; hasNonFinite: boolean } {
  const read = readers[format.encoding];
  const sampleBytes = format.frameBytes / format.nChannels;
  const firstByte = (channel ?? 0) * sampleBytes;
  const nMixed = channel === undefined ? format.nChannels : 1;
  const samples = new Float32Array(nFrames);
  let hasNonFinite = false;
  for (let frame = 0; frame < nFrames; frame++) {
    let sum = 0;
    let offset = frame * format.frameBytes + firstByte;
    for (let mixed = 0; mixed < nMixed; mixed++, offset += sampleBytes) {
      const sample = read(bytes, offset);
      if (Number.isFinite(sample)) sum += sample;
      else hasNonFinite = true;
    }
    samples[frame] = sum / nMixed;
  }
  return { samples, hasNonFinite };
}
