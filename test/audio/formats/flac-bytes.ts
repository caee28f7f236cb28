import { crc8, crc16 } from '../../../src/audio/formats/crc.ts';

/** How one channel of a frame is written. */
export type Subframe = { readonly type: 'constant' } | { readonly type: 'verbatim' } | PredictedSubframe;

export interface PredictedSubframe {
  readonly type: 'fixed' | 'lpc';
  readonly coefficients: readonly number[];
  readonly shift: number;
  /** 2 ** this many partitions */
  readonly partitionOrder: number;
  /** Rice parameter, or 'escape' for residuals as they are */
  readonly k: number | 'escape';
  readonly longParameters: boolean;
}

export interface FrameOptions {
  readonly bitsPerSample: number;
  readonly sampleRate: number;
  readonly stereo: 'independent' | 'left-side' | 'side-right' | 'mid-side';
  readonly subframe: Subframe;
  /** low bits that are 0 in all samples and not written */
  readonly wastedBits: number;
}

const fixed = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];
export const fixedCoefficients = (order: number): readonly number[] => fixed[order] ?? [];

/** Bits, most significant first, of numbers up to 2 ** 53. */
class BitWriter {
  readonly bits: number[] = [];
  write(value: number, nBits: number): void {
    for (let bit = nBits - 1; bit >= 0; bit--) this.bits.push(Math.floor(value / 2 ** bit) % 2 === 0 ? 0 : 1);
  }
  writeSigned(value: number, nBits: number): void {
    this.write(value < 0 ? value + 2 ** nBits : value, nBits);
  }
  writeUnary(zeros: number): void {
    for (let i = 0; i < zeros; i++) this.bits.push(0);
    this.bits.push(1);
  }
  bytes(): Uint8Array {
    return Uint8Array.from({ length: Math.ceil(this.bits.length / 8) }, (_, i) =>
      Array.from({ length: 8 }, (_, bit) => this.bits[i * 8 + bit] ?? 0).reduce((sum, bit) => sum * 2 + bit, 0),
    );
  }
}

/** A whole FLAC file of frames of at most `blockSize` samples. */
export function flacBytes(channels: readonly number[][], blockSize: number, options: FrameOptions): Buffer {
  const total = channels[0]?.length ?? 0;
  const frames: Uint8Array[] = [];
  for (let start = 0; start < total; start += blockSize)
    frames.push(
      frameBytes(
        channels.map((samples) => samples.slice(start, start + blockSize)),
        frames.length,
        options,
      ),
    );
  return Buffer.concat([
    Buffer.from('fLaC'),
    streamInfo(channels.length, total, Math.max(0, ...frames.map(({ length }) => length)), options),
    ...frames,
  ]);
}

/** The STREAMINFO block, as the last one. */
function streamInfo(
  nChannels: number,
  totalSamples: number,
  largestFrameBytes: number,
  options: FrameOptions,
): Uint8Array {
  const writer = new BitWriter();
  writer.write(0x80, 8);
  writer.write(34, 24);
  for (const nBits of [16, 16, 24]) writer.write(0, nBits);
  writer.write(largestFrameBytes, 24);
  writer.write(options.sampleRate, 20);
  writer.write(nChannels - 1, 3);
  writer.write(options.bitsPerSample - 1, 5);
  writer.write(totalSamples, 36);
  writer.write(0, 128);
  return writer.bytes();
}

function frameBytes(channels: readonly number[][], number: number, options: FrameOptions): Uint8Array {
  const writer = new BitWriter();
  const nSamples = channels[0]?.length ?? 0;
  writer.write(0xfff8, 16);
  writer.write(7, 4); // block size in 16 bits
  writer.write(0, 4); // the stream's sample rate
  const channelCode = { independent: channels.length - 1, 'left-side': 8, 'side-right': 9, 'mid-side': 10 };
  writer.write(channelCode[options.stereo], 4);
  writer.write(0, 4); // the stream's sample size
  if (number < 0x80) writer.write(number, 8);
  else {
    writer.write(0xc0 + (number >> 6), 8);
    writer.write(0x80 + (number & 0x3f), 8);
  }
  writer.write(nSamples - 1, 16);
  const header = writer.bytes();
  writer.write(crc8(header, 0, header.length), 8);
  const [left = [], right = []] = channels;
  const side = left.map((x, i) => x - (right[i] ?? 0));
  const mid = left.map((x, i) => Math.floor((x + (right[i] ?? 0)) / 2));
  const coded = {
    independent: channels,
    'left-side': [left, side],
    'side-right': [side, right],
    'mid-side': [mid, side],
  };
  for (const samples of coded[options.stereo])
    writeSubframe(writer, samples, options.bitsPerSample + (samples === side ? 1 : 0), options);
  const body = writer.bytes();
  const crc = crc16(body, 0, body.length);
  return Buffer.concat([body, Buffer.of(crc >> 8, crc & 0xff)]);
}

function writeSubframe(writer: BitWriter, samples: readonly number[], bits: number, options: FrameOptions): void {
  const { subframe, wastedBits } = options;
  const scaled = samples.map((x) => x / 2 ** wastedBits);
  const nBits = bits - wastedBits;
  writer.write(typeCode(subframe), 7);
  writer.write(wastedBits > 0 ? 1 : 0, 1);
  if (wastedBits > 0) writer.writeUnary(wastedBits - 1);
  if (subframe.type === 'constant') writer.writeSigned(scaled[0] ?? 0, nBits);
  else if (subframe.type === 'verbatim') for (const x of scaled) writer.writeSigned(x, nBits);
  else {
    const { coefficients, shift } = subframe;
    for (const x of scaled.slice(0, coefficients.length)) writer.writeSigned(x, nBits);
    if (subframe.type === 'lpc') {
      writer.write(14, 4); // 15 bits each
      writer.writeSigned(shift, 5);
      for (const coefficient of coefficients) writer.writeSigned(coefficient, 15);
    }
    writeResidual(writer, residualOf(scaled, coefficients, shift), coefficients.length, subframe);
  }
}

function typeCode(subframe: Subframe): number {
  if (subframe.type === 'constant') return 0;
  if (subframe.type === 'verbatim') return 1;
  return (subframe.type === 'fixed' ? 8 : 31) + subframe.coefficients.length;
}

function residualOf(samples: readonly number[], coefficients: readonly number[], shift: number): number[] {
  return samples.map((x, i) => {
    const foretold = coefficients.reduce((sum, c, j) => sum + BigInt(c) * BigInt(samples[i - 1 - j] ?? 0), 0n);
    return x - Number(foretold >> BigInt(shift));
  });
}

function writeResidual(
  writer: BitWriter,
  residual: readonly number[],
  order: number,
  subframe: PredictedSubframe,
): void {
  const { partitionOrder, k, longParameters } = subframe;
  const kBits = longParameters ? 5 : 4;
  writer.write(longParameters ? 1 : 0, 2);
  writer.write(partitionOrder, 4);
  const size = residual.length / 2 ** partitionOrder;
  for (let partition = 0; partition < 2 ** partitionOrder; partition++) {
    const part = residual.slice(partition === 0 ? order : partition * size, (partition + 1) * size);
    const largest = Math.max(0, ...part.map((x) => (x < 0 ? -2 * x - 1 : 2 * x)));
    // Residuals far too large for the parameter would take megabytes of zeros.
    if (k === 'escape' || largest / 2 ** k > 1000) {
      const nBits = Math.max(0, ...part.map((x) => (x < 0 ? -x - 1 : x))).toString(2).length + 1;
      writer.write(2 ** kBits - 1, kBits);
      writer.write(nBits, 5);
      for (const x of part) writer.writeSigned(x, nBits);
    } else {
      writer.write(k, kBits);
      for (const x of part) {
        const folded = x < 0 ? -2 * x - 1 : 2 * x;
        writer.writeUnary(Math.floor(folded / 2 ** k));
        writer.write(folded % 2 ** k, k);
      }
    }
  }
}

/** Silence at 16 kHz, four seconds of it in 16 bytes: a file of some kilobytes is hours long. */
export function silentFlac(nFrames: number, { sampleRate = 16_000 } = {}): Buffer {
  const bytes = flacBytes([Array(65_536).fill(0)], 65_536, {
    bitsPerSample: 16,
    sampleRate,
    stereo: 'independent',
    subframe: { type: 'constant' },
    wastedBits: 0,
  });
  const frame = bytes.subarray(42);
  return Buffer.concat([unknownLength(bytes.subarray(0, 42)), ...Array<Uint8Array>(nFrames).fill(frame)]);
}

/** Frames that seem to begin every ten bytes and hold 65,536 samples each; all of them fail their checksum. */
export function nestedFlac(nFrames: number): Buffer {
  const head = silentFlac(1);
  const header = head.subarray(42, 50);
  // A subframe of residuals alone; they are the headers that follow.
  const frame = Buffer.concat([header, Buffer.of(0x10, 0)]);
  return Buffer.concat([head.subarray(0, 42), ...Array<Uint8Array>(nFrames).fill(frame)]);
}

function unknownLength(head: Uint8Array): Buffer {
  const copy = Buffer.from(head);
  copy[21] = (copy[21] ?? 0) & 0xf0;
  copy.fill(0, 22, 26);
  return copy;
}
