/**
 * Writes a model of any format that whisper-npu reads as whisper.cpp's ggml file: matrices in float16, all else in float32,
 * as whisper.cpp's own converters do (models/README.md there describes the format).
 *
 *   npm run build && node scripts/export-ggml.mjs whisper-base ggml-base.bin
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { melFilters } from '../dist/features/mel-filters.js';
import { openCheckpoint } from '../dist/model/checkpoint.js';
import { toHalf } from '../dist/model/float.js';
import { resolveModel } from '../dist/model/resolve-model.js';
import { specialTokens } from '../dist/model/special-tokens.js';
import { storeDirectory } from '../dist/model/store.js';
import { readTensor } from '../dist/model/tensor.js';
import { pieceBytes, readVocabulary } from '../dist/model/vocabulary.js';

const [spec, path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: export-ggml.mjs MODEL FILE');
const { directory } = await resolveModel(spec, { storeDirectory: storeDirectory(process.env), env: process.env });
const { dimensions, tensors } = await openCheckpoint(directory);

const i32 = (...values) => Buffer.from(Int32Array.from(values).buffer);
const f32 = (values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

const file = await open(path, 'w');
try {
  await file.writeFile(header());
  await file.writeFile(denseMelFilters());
  await file.writeFile(await vocabulary());
  for (const [name, entry] of tensors) await file.writeFile(await tensor(ggmlName(name), entry));
} finally {
  await file.close();
}
console.log(path);

function header() {
  const { nMels, nAudioCtx, nAudioState, nAudioHead, nAudioLayer } = dimensions;
  const { nTextCtx, nTextState, nTextHead, nTextLayer, nVocab } = dimensions;
  const halfPrecision = 1;
  const audio = [nAudioCtx, nAudioState, nAudioHead, nAudioLayer];
  const text = [nTextCtx, nTextState, nTextHead, nTextLayer];
  return i32(0x67676d6c, nVocab, ...audio, ...text, nMels, halfPrecision);
}

function denseMelFilters() {
  const { nMels } = dimensions;
  const nBins = 201;
  const { firstBins, offsets, weights } = melFilters(nMels, 400, 16_000);
  const dense = new Float32Array(nMels * nBins);
  for (let m = 0; m < nMels; m++) dense.set(weights.subarray(offsets[m], offsets[m + 1]), m * nBins + firstBins[m]);
  return Buffer.concat([i32(nMels, nBins), f32(dense)]);
}

/** Text tokens as bytes; whisper.cpp knows the others by their number. */
async function vocabulary() {
  const { eot } = specialTokens(dimensions.nVocab);
  const tokenizer = join(directory, 'tokenizer.json');
  const { pieces } = readVocabulary(await readFile(tokenizer, 'utf8'), tokenizer);
  const parts = [i32(eot)];
  for (let token = 0; token < eot; token++) {
    const bytes = pieceBytes(pieces[token]);
    parts.push(i32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

async function tensor(name, entry) {
  const values = await readTensor(entry);
  const isBias = /conv[12]\.bias$/.test(name);
  const shape = isBias ? [entry.shape[0], 1] : entry.shape;
  const isHalf = shape.length > 1 && !isBias && !name.endsWith('positional_embedding');
  const text = Buffer.from(name);
  const data = isHalf ? Uint16Array.from(values, toHalf) : values;
  return Buffer.concat([i32(shape.length, text.length, isHalf ? 1 : 0, ...[...shape].reverse()), text, f32(data)]);
}

/** From transformers' names to openai/whisper's, which ggml files keep. */
function ggmlName(name) {
  const renames = [
    [/^model\./, ''],
    ['.layers.', '.blocks.'],
    ['.self_attn_layer_norm.', '.attn_ln.'],
    ['.encoder_attn_layer_norm.', '.cross_attn_ln.'],
    ['.final_layer_norm.', '.mlp_ln.'],
    ['.self_attn.', '.attn.'],
    ['.encoder_attn.', '.cross_attn.'],
    ['.q_proj.', '.query.'],
    ['.k_proj.', '.key.'],
    ['.v_proj.', '.value.'],
    ['.out_proj.', '.out.'],
    ['.fc1.', '.mlp.0.'],
    ['.fc2.', '.mlp.2.'],
    ['encoder.layer_norm.', 'encoder.ln_post.'],
    ['decoder.layer_norm.', 'decoder.ln.'],
    ['.embed_positions.weight', '.positional_embedding'],
    ['.embed_tokens.', '.token_embedding.'],
  ];
  return renames.reduce((renamed, [from, to]) => renamed.replace(from, to), name);
}
