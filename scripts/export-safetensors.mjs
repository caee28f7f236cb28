/**
 * Writes a model of any format that whisper-npu reads as a Hugging Face folder in float32, so that other programs can run
 * the very same weights (scripts/compare-peers.mjs).
 *
 *   npm run build && node scripts/export-safetensors.mjs whisper-base FOLDER
 */
import { copyFile, mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint } from '../dist/model/checkpoint.js';
import { resolveModel } from '../dist/model/resolve-model.js';
import { specialTokens } from '../dist/model/special-tokens.js';
import { storeDirectory } from '../dist/model/store.js';
import { readTensor } from '../dist/model/tensor.js';

const [spec, folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: export-safetensors.mjs MODEL FOLDER');
const { directory } = await resolveModel(spec, { storeDirectory: storeDirectory(process.env), env: process.env });
const { dimensions, generation, tensors } = await openCheckpoint(directory);
await mkdir(folder, { recursive: true });
await copyFile(join(directory, 'tokenizer.json'), join(folder, 'tokenizer.json'));
await writeJson('config.json', modelConfig());
await writeJson('generation_config.json', generationConfig());
await writeJson('preprocessor_config.json', {
  feature_extractor_type: 'WhisperFeatureExtractor',
  processor_class: 'WhisperProcessor',
  feature_size: dimensions.nMels,
  sampling_rate: 16000,
  chunk_length: 30,
  hop_length: 160,
  n_fft: 400,
});
await writeJson('tokenizer_config.json', { tokenizer_class: 'WhisperTokenizer', model_max_length: 1024 });
await writeWeights(join(folder, 'model.safetensors'));
console.log(folder);

function writeJson(file, value) {
  return writeFile(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
}

function modelConfig() {
  const { nMels, nAudioCtx, nAudioState, nAudioHead, nAudioLayer } = dimensions;
  const { nTextCtx, nTextHead, nTextLayer, nVocab } = dimensions;
  const { sot, eot } = specialTokens(nVocab);
  return {
    model_type: 'whisper',
    architectures: ['WhisperForConditionalGeneration'],
    is_encoder_decoder: true,
    activation_function: 'gelu',
    num_mel_bins: nMels,
    max_source_positions: nAudioCtx,
    d_model: nAudioState,
    encoder_attention_heads: nAudioHead,
    encoder_layers: nAudioLayer,
    encoder_ffn_dim: 4 * nAudioState,
    max_target_positions: nTextCtx,
    decoder_attention_heads: nTextHead,
    decoder_layers: nTextLayer,
    decoder_ffn_dim: 4 * nAudioState,
    num_hidden_layers: nAudioLayer,
    vocab_size: nVocab,
    bos_token_id: eot,
    eos_token_id: eot,
    pad_token_id: eot,
    decoder_start_token_id: sot,
  };
}

function generationConfig() {
  const special = specialTokens(dimensions.nVocab);
  const { sot, eot, noTimestamps, startOfPrev, transcribe, translate, isMultilingual, languages } = special;
  const multilingual = {
    lang_to_id: Object.fromEntries([...languages].map(([code, token]) => [`<|${code}|>`, token])),
    task_to_id: { transcribe, translate },
  };
  return {
    bos_token_id: eot,
    eos_token_id: eot,
    pad_token_id: eot,
    decoder_start_token_id: sot,
    no_timestamps_token_id: noTimestamps,
    prev_sot_token_id: startOfPrev,
    max_length: generation.maxLength,
    max_initial_timestamp_index: 50,
    return_timestamps: false,
    is_multilingual: isMultilingual,
    suppress_tokens: generation.suppressTokens,
    begin_suppress_tokens: generation.beginSuppressTokens,
    alignment_heads: generation.alignmentHeads,
    ...(isMultilingual ? multilingual : {}),
  };
}

/** u64 length of the header, the header in JSON, the tensors one after another. */
async function writeWeights(path) {
  const header = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { shape }] of tensors) {
    const start = end;
    end += shape.reduce((product, dim) => product * dim, 4);
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const json = JSON.stringify(header);
  const padded = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = await open(path, 'w');
  try {
    await file.writeFile(Buffer.concat([length, padded]));
    for (const entry of tensors.values()) {
      const { buffer, byteOffset, byteLength } = await readTensor(entry);
      await file.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
    }
  } finally {
    await file.close();
  }
}
