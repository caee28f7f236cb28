import { type BitReader, readRice, readSigned, readUnary, readUnsigned } from './bit-reader.ts';
import { crc16 } from './crc.ts';
import type { FlacFrameHeader, FlacStreamInfo, StereoCoding } from './flac-header.ts';

export interface FlacFrame {
  /** f32, full scale being 1 */
  readonly channels: readonly Float32Array[];
  readonly nBytes: number;
}

/** The predictors without coefficients of their own, by order (RFC 9639 §9.2.5). */
const fixedCoefficients = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

/** The most bytes a frame takes: an encoder that finds nothing shorter stores samples as they are, if it is a good one. */
export function maxFrameBytes({ blockSize, nChannels, headerBytes }: FlacFrameHeader, info: FlacStreamInfo): number {
  const plainBytes = headerBytes + nChannels * (8 + Math.ceil((blockSize * (info.bitsPerSample + 1)) / 8)) + 2;
  return Math.max(plainBytes, info.largestFrameBytes);
}

/**
 * Decodes one frame (RFC 9639 §9).
 *
 * @param bytes from its header on
 * @returns undefined when it is damaged
 */
export function decodeFrame(bytes: Uint8Array, header: FlacFrameHeader, info: FlacStreamInfo): FlacFrame | undefined {
  const { blockSize, nChannels, stereo, headerBytes } = header;
  const reader: BitReader = { bytes, bit: headerBytes * 8 };
  const decoded: Float64Array[] = [];
  for (let channel = 0; channel < nChannels; channel++) {
    const isSide = stereo !== 'independent' && channel === (stereo === 'side-right' ? 0 : 1);
    const samples = decodeSubframe(reader, blockSize, info.bitsPerSample + (isSide ? 1 : 0));
    if (samples === undefined) return undefined;
    decoded.push(samples);
  }
  const end = Math.ceil(reader.bit / 8);
  if (end + 2 > bytes.length) return undefined;
  if (crc16(bytes, 0, end) !== (bytes[end] as number) * 256 + (bytes[end + 1] as number)) return undefined;
  separate(decoded, stereo);
  return { channels: decoded.map((samples) => toFloats(samples, 2 ** (1 - info.bitsPerSample))), nBytes: end + 2 };
}

function decodeSubframe(reader: BitReader, blockSize: number, bitsPerSample: number): Float64Array | undefined {
  if (readUnsigned(reader, 1) !== 0) return undefined;
  const type = readUnsigned(reader, 6);
  const nWasted = readUnsigned(reader, 1) === 0 ? 0 : readUnary(reader) + 1;
  const nBits = bitsPerSample - nWasted;
  if (nBits < 1) return undefined;
  const samples = new Float64Array(blockSize);
  if (type === 0) samples.fill(readSigned(reader, nBits));
  else if (type === 1) for (let i = 0; i < blockSize; i++) samples[i] = readSigned(reader, nBits);
  else if (type >= 8 && type <= 12) {
    const order = type - 8;
    if (!readWarmUp(reader, samples, order, nBits) || !readResidual(reader, samples, order)) return undefined;
    predict(samples, Float64Array.from(fixedCoefficients[order] ?? []), 0);
  } else if (type >= 32) {
    const order = type - 31;
    if (!readWarmUp(reader, samples, order, nBits)) return undefined;
    const precision = readUnsigned(reader, 4) + 1;
    const shift = readSigned(reader, 5);
    if (precision === 16 || shift < 0) return undefined;
    const coefficients = Float64Array.from({ length: order }, () => readSigned(reader, precision));
    if (!readResidual(reader, samples, order)) return undefined;
    predict(samples, coefficients, shift);
  } else return undefined;
  if (nWasted > 0) for (let i = 0; i < blockSize; i++) samples[i] = (samples[i] as number) * 2 ** nWasted;
  return samples;
}

function readWarmUp(reader: BitReader, samples: Float64Array, order: number, nBits: number): boolean {
  if (order > samples.length) return false;
  for (let i = 0; i < order; i++) samples[i] = readSigned(reader, nBits);
  return true;
}

/** Fills `samples` from `order` on with what a predictor of that order leaves (RFC 9639 §9.2.7). */
function readResidual(reader: BitReader, samples: Float64Array, order: number): boolean {
  const method = readUnsigned(reader, 2);
  if (method > 1) return false;
  const nPartitions = 2 ** readUnsigned(reader, 4);
  const partitionSize = samples.length / nPartitions;
  if (!Number.isInteger(partitionSize) || partitionSize < order) return false;
  const kBits = 4 + method;
  for (let partition = 0; partition < nPartitions; partition++) {
    const start = partition === 0 ? order : partition * partitionSize;
    const end = (partition + 1) * partitionSize;
    const k = readUnsigned(reader, kBits);
    if (k < 2 ** kBits - 1) readRice(reader, k, samples, start, end);
    else {
      const nBits = readUnsigned(reader, 5);
      for (let i = start; i < end; i++) samples[i] = readSigned(reader, nBits);
    }
    if (reader.bit > reader.bytes.length * 8) return false;
  }
  return true;
}

/**
 * Adds to each residual what the samples before it foretell. Whole numbers below 2 ** 53 throughout: 33 bits of sample,
 * 15 of coefficient, 32 terms.
 */
function predict(samples: Float64Array, coefficients: Float64Array, shift: number): void {
  const order = coefficients.length;
  const scale = 2 ** -shift;
  for (let i = order; i < samples.length; i++) {
    let sum = 0;
    for (let j = 0; j < order; j++) sum += (coefficients[j] as number) * (samples[i - 1 - j] as number);
    samples[i] = (samples[i] as number) + Math.floor(sum * scale);
  }
}

function toFloats(samples: Float64Array, scale: number): Float32Array {
  const floats = new Float32Array(samples.length);
  for (let i = 0; i < floats.length; i++) floats[i] = (samples[i] as number) * scale;
  return floats;
}

/** Makes left and right of what stands for them, in place. */
function separate([first, second]: readonly Float64Array[], stereo: StereoCoding): void {
  if (first === undefined || second === undefined || stereo === 'independent') return;
  for (let i = 0; i < first.length; i++) {
    const [a, b] = [first[i] as number, second[i] as number];
    if (stereo === 'left-side') second[i] = a - b;
    else if (stereo === 'side-right') first[i] = a + b;
    else {
      const left = a + Math.ceil(b / 2); // the mean was rounded down
      first[i] = left;
      second[i] = left - b;
    }
  }
}
