/** Checkpoints of whisper-medium's shape, or another, with random weights, for what depends on sizes and not on what is said. */
import { copyFile, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHalf, widenF16 } from '../dist/model/float.js';
import { resolveModel } from '../dist/model/resolve-model.js';
import { storeDirectory } from '../dist/model/store.js';
import { whisperTensors } from '../dist/model/tensor-names.js';

export const mediumDimensions = {
  nMels: 80,
  nAudioCtx: 1500,
  nAudioState: 1024,
  nAudioHead: 16,
  nAudioLayer: 24,
  nTextCtx: 448,
  nTextState: 1024,
  nTextHead: 16,
  nTextLayer: 24,
  nVocab: 51865,
};

/** Uniform numbers with the spread a trained layer of that width has, always the same. */
export function randomTensor(shape, seed) {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const fanIn = shape.slice(1).reduce((product, dim) => product * dim, 1);
  const spread = shape.length === 1 ? 0.02 : fanIn ** -0.5;
  const values = new Float32Array(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = ((state >>> 0) / 2 ** 31 - 1) * spread;
  }
  return values;
}

/**
 * Writes a folder in Hugging Face's format, with whisper-base's tokenizer. Its weights are float16 values, in float32.
 *
 * @param isEmpty leaves all weights 0, in float16, which takes no time and no room on the disk, where nothing is computed with them
 */
export async function writeRandomCheckpoint(directory, dimensions = mediumDimensions, { isEmpty = false } = {}) {
  await mkdir(directory, { recursive: true });
  const { nMels, nAudioCtx, nAudioState, nAudioHead, nAudioLayer } = dimensions;
  const { nTextCtx, nTextHead, nTextLayer, nVocab } = dimensions;
  const config = {
    model_type: 'whisper',
    num_mel_bins: nMels,
    d_model: nAudioState,
    encoder_layers: nAudioLayer,
    decoder_layers: nTextLayer,
    encoder_attention_heads: nAudioHead,
    decoder_attention_heads: nTextHead,
    encoder_ffn_dim: 4 * nAudioState,
    decoder_ffn_dim: 4 * nAudioState,
    max_source_positions: nAudioCtx,
    max_target_positions: nTextCtx,
    vocab_size: nVocab,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const base = await resolveModel('whisper-base', { storeDirectory: storeDirectory(process.env), env: process.env });
  await copyFile(join(base.directory, 'tokenizer.json'), join(directory, 'tokenizer.json'));
  const header = {};
  let end = 0;
  const tensors = [...whisperTensors(dimensions)];
  for (const [name, shape] of tensors) {
    const sizeBytes = (isEmpty ? 2 : 4) * shape.reduce((product, dim) => product * dim, 1);
    header[name] = { dtype: isEmpty ? 'F16' : 'F32', shape, data_offsets: [end, end + sizeBytes] };
    end += sizeBytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(join(directory, 'model.safetensors'), 'w');
  try {
    await file.writeFile(Buffer.concat([length, text]));
    if (isEmpty) return await file.truncate(length.length + text.length + end);
    for (const [index, [name, shape]] of tensors.entries()) {
      const values = randomTensor(shape, 7919 * (index + 1));
      if (/layer_norm\.weight$/.test(name)) for (let i = 0; i < values.length; i++) values[i] += 1;
      await file.writeFile(new Uint8Array(roundedToHalf(values).buffer));
    }
  } finally {
    await file.close();
  }
}

function roundedToHalf(values) {
  const rounded = new Float32Array(values.length);
  widenF16(Int16Array.from(values, toHalf), new Int32Array(rounded.buffer), 0);
  return rounded;
}
