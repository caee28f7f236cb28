import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type AudioStream, type OpenAudioOptions, openAudio } from '../../src/audio/open-audio.ts';

export type Encoding = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64';

export interface WavOptions {
  encoding?: Encoding;
  sampleRate?: number;
  /** one array for each channel, in [-1, 1) */
  channels?: readonly ArrayLike<number>[];
  isExtensible?: boolean;
  container?: string;
  /** overrides of what the header would truthfully say */
  riffSize?: number;
  dataSize?: number;
  formatTag?: number;
  nChannels?: number;
  bitsPerSample?: number;
  blockAlign?: number;
  formatChunk?: Buffer;
  chunksBefore?: readonly Buffer[];
  chunksAfter?: readonly Buffer[];
}

const sampleBytes: Record<Encoding, number> = { u8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8 };

/** One RIFF chunk, padded to an even length. */
export function chunk(id: string, body: Uint8Array, sizeField = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 'latin1');
  head.writeUInt32LE(sizeField, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

export function ds64(dataBytes: bigint): Buffer {
  const body = Buffer.alloc(28);
  body.writeBigUInt64LE(dataBytes, 8);
  return chunk('ds64', body);
}

/** A whole WAV file. */
export function wavBytes(options: WavOptions = {}): Buffer {
  const { encoding = 's16', channels = [new Float32Array(160)], container = 'RIFF' } = options;
  const samples = interleave(channels, encoding);
  const body = Buffer.concat([
    Buffer.from('WAVE'),
    ...(options.chunksBefore ?? []),
    chunk('fmt ', options.formatChunk ?? formatChunk(options)),
    chunk('data', samples, options.dataSize),
    ...(options.chunksAfter ?? []),
  ]);
  return chunk(container, body, options.riffSize);
}

/** Writes one sample; `value` 1 is just beyond full scale. */
export function writeSample(bytes: Buffer, offset: number, value: number, encoding: Encoding): void {
  const integer = (scale: number) => Math.max(-scale, Math.min(scale - 1, Math.round(value * scale)));
  if (encoding === 'u8') bytes.writeUInt8(integer(0x80) + 0x80, offset);
  else if (encoding === 's16') bytes.writeInt16LE(integer(0x8000), offset);
  else if (encoding === 's24') bytes.writeIntLE(integer(0x800000), offset, 3);
  else if (encoding === 's32') bytes.writeInt32LE(integer(0x80000000), offset);
  else if (encoding === 'f32') bytes.writeFloatLE(value, offset);
  else bytes.writeDoubleLE(value, offset);
}

function interleave(channels: readonly ArrayLike<number>[], encoding: Encoding): Buffer {
  const width = sampleBytes[encoding];
  const nFrames = channels[0]?.length ?? 0;
  const bytes = Buffer.alloc(nFrames * channels.length * width);
  for (const [c, samples] of channels.entries())
    for (let i = 0; i < nFrames; i++) writeSample(bytes, (i * channels.length + c) * width, samples[i] ?? 0, encoding);
  return bytes;
}

function formatChunk(options: WavOptions): Buffer {
  const { encoding = 's16', channels = [[]], sampleRate = 16_000, isExtensible = false } = options;
  const width = sampleBytes[encoding];
  const nChannels = options.nChannels ?? channels.length;
  const tag = options.formatTag ?? (encoding.startsWith('f') ? 3 : 1);
  const bytes = Buffer.alloc(isExtensible ? 40 : 16);
  bytes.writeUInt16LE(isExtensible ? 0xfffe : tag, 0);
  bytes.writeUInt16LE(nChannels, 2);
  bytes.writeUInt32LE(sampleRate, 4);
  bytes.writeUInt32LE((sampleRate * nChannels * width) % 2 ** 32, 8);
  bytes.writeUInt16LE(options.blockAlign ?? nChannels * width, 12);
  bytes.writeUInt16LE(options.bitsPerSample ?? width * 8, 14);
  if (isExtensible) {
    bytes.writeUInt16LE(22, 16);
    bytes.writeUInt16LE(width * 8, 18);
    bytes.writeUInt16LE(tag, 24);
    bytes.write('000000001000800000aa00389b71', 26, 'hex');
  }
  return bytes;
}

/** A folder of its own for the files of one test. */
export function temporaryFolder(): { path: string; write(name: string, bytes: Uint8Array): string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'whisper-npu-audio-'));
  return {
    path,
    write(name, bytes) {
      writeFileSync(join(path, name), bytes);
      return join(path, name);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true }),
  };
}

/** A program that is not there: what is not decoded by us is an error then. */
export const noFfmpeg = '/nonexistent/ffmpeg';

/** Opens bytes as stdin, cut into chunks that end at `cuts`. */
export function openPiped(bytes: Uint8Array, options: OpenAudioOptions = {}, cuts: readonly number[] = []) {
  const ends = [...cuts, bytes.length].sort((a, b) => a - b);
  const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
  return openAudio('-', { stdin: Readable.from(chunks), ffmpeg: noFfmpeg, ...options });
}

/** All samples of a stream. */
export async function samplesOf(audio: AudioStream): Promise<Float32Array> {
  const blocks: Float32Array[] = [];
  for await (const block of audio.samples) blocks.push(block);
  return concatenate(blocks);
}

export function concatenate(blocks: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    all.set(block, offset);
    offset += block.length;
  }
  return all;
}

export function sine(hertz: number, sampleRate: number, nSamples: number, amplitude = 1): Float32Array {
  return Float32Array.from(
    { length: nSamples },
    (_, i) => amplitude * Math.sin((2 * Math.PI * hertz * i) / sampleRate),
  );
}
