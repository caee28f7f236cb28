import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { whisperTensors } from '../../src/model/tensor-names.ts';

/** Tensors by their Hugging Face names, row-major. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** A Whisper that computes in a millisecond; its sizes differ wherever they may, so that none passes for another. */
export const smallDimensions: ModelDimensions = {
  nMels: 6,
  nAudioCtx: 10,
  nAudioState: 16,
  nAudioHead: 2,
  nAudioLayer: 2,
  nTextCtx: 14,
  nTextState: 16,
  nTextHead: 4,
  nTextLayer: 3,
  nVocab: 40,
};

/** Fields of its generation_config.json: where the kinds of its tokens begin. */
export const smallGeneration = { eos_token_id: 30, no_timestamps_token_id: 33 };

/** Uniform numbers of mean 0 and variance 1, the same for the same seed (mulberry32). */
function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (((bits ^ (bits >>> 14)) >>> 0) / 2 ** 31 - 1) * Math.sqrt(3);
  };
}

/** `count` random numbers as a model's input. */
export function randomValues(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, randomSource(seed));
}

/** Random weights that keep activations near 1; every bias and every norm does something. */
export function randomWeights(dimensions: ModelDimensions, seed = 1): Map<string, Float32Array> {
  const random = randomSource(seed);
  const weights = new Map<string, Float32Array>();
  for (const [name, [rows = 0, ...rest]] of whisperTensors(dimensions)) {
    const fanIn = rest.reduce((product, dim) => product * dim, 1);
    const isNorm = name.endsWith('layer_norm.weight');
    const scale = rest.length === 0 ? 0.3 : 1.5 / Math.sqrt(fanIn);
    weights.set(
      name,
      Float32Array.from({ length: rows * fanIn }, () => (isNorm ? 1 : 0) + scale * random()),
    );
  }
  return weights;
}

export interface RandomCheckpointOptions {
  readonly dimensions?: ModelDimensions;
  readonly dtype?: 'f32' | 'f16';
  readonly seed?: number;
  /** In place of random ones. */
  readonly weights?: Weights;
  /** Fields of generation_config.json. */
  readonly generation?: Readonly<Record<string, unknown>>;
}

/**
 * Writes a model as Hugging Face publishes it, with random weights and no tokenizer.
 *
 * @returns the weights as the file holds them, after rounding to its type
 */
export async function writeRandomCheckpoint(
  directory: string,
  options: RandomCheckpointOptions = {},
): Promise<Weights> {
  const { dimensions = smallDimensions, dtype = 'f32', generation = {} } = options;
  const exact = options.weights ?? randomWeights(dimensions, options.seed);
  const weights =
    dtype === 'f32' ? exact : new Map(Array.from(exact, ([name, values]) => [name, values.map(cutToF16)]));
  const json = (file: string, value: unknown) => writeFile(join(directory, file), JSON.stringify(value));
  await mkdir(directory, { recursive: true });
  await json('config.json', {
    model_type: 'whisper',
    num_mel_bins: dimensions.nMels,
    max_source_positions: dimensions.nAudioCtx,
    d_model: dimensions.nAudioState,
    encoder_attention_heads: dimensions.nAudioHead,
    encoder_layers: dimensions.nAudioLayer,
    max_target_positions: dimensions.nTextCtx,
    decoder_attention_heads: dimensions.nTextHead,
    decoder_layers: dimensions.nTextLayer,
    vocab_size: dimensions.nVocab,
  });
  await json('generation_config.json', generation);
  await json('tokenizer.json', {});
  await writeFile(join(directory, 'model.safetensors'), safetensors(dimensions, weights, dtype));
  return weights;
}

function safetensors(dimensions: ModelDimensions, weights: Weights, dtype: 'f32' | 'f16'): Buffer {
  const header: Record<string, unknown> = {};
  const data: Buffer[] = [];
  let end = 0;
  for (const [name, shape] of whisperTensors(dimensions)) {
    const values = weights.get(name) ?? new Float32Array();
    const stored = dtype === 'f32' ? values : Uint16Array.from(values, f16Bits);
    header[name] = { dtype: dtype.toUpperCase(), shape, data_offsets: [end, end + stored.byteLength] };
    data.push(Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength));
    end += stored.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...data]);
}

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);

/** Drops the bits that f16 has no room for; what is smaller than its normal numbers becomes 0. */
function cutToF16(value: number): number {
  if (Math.abs(value) < 2 ** -14) return 0;
  float[0] = value;
  bits[0] = (bits[0] as number) & 0xffffe000;
  return float[0] as number;
}

/** The bits of a number that {@link cutToF16} gave. */
function f16Bits(value: number): number {
  if (value === 0) return 0;
  float[0] = value;
  const single = bits[0] as number;
  return ((single >>> 16) & 0x8000) | ((((single >>> 23) & 0xff) - 127 + 15) << 10) | ((single >>> 13) & 0x3ff);
}
