/**
 * Holds the NPU path against the CPU on a model of whisper-medium's shape with random weights: one window, 20 forced
 * tokens, logits compared. Runs on whatever ACL is selected, the stand-in included, and needs about 12 GB of memory and
 * 10 GB of disk in the folder given.
 *
 *   npm run build && npm run build:stand-in
 *   WHISPER_NPU_ACL_LIBRARY=build/stand-in/libascendcl.so WHISPER_NPU_ATC=build/stand-in/atc \
 *     node scripts/check-npu-shape.mjs FOLDER
 */
import { copyFile, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveModel } from '../dist/model/resolve-model.js';
import { storeDirectory } from '../dist/model/store.js';
import { whisperTensors } from '../dist/model/tensor-names.js';
import { openModel } from '../dist/open-model.js';

const [folder, ...others] = parseArgs({ allowPositionals: true }).positionals;
if (!folder || others.length > 0) throw new Error('name one folder for the model');
const dimensions = {
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
function randomTensor(shape, seed) {
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

async function writeModel(directory) {
  await mkdir(directory, { recursive: true });
  const { nMels, nAudioState, nAudioHead, nAudioLayer, nTextHead, nTextLayer, nVocab } = dimensions;
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
    max_source_positions: 1500,
    max_target_positions: 448,
    vocab_size: nVocab,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const header = {};
  let end = 0;
  const tensors = [...whisperTensors(dimensions)];
  for (const [name, shape] of tensors) {
    const sizeBytes = 4 * shape.reduce((product, dim) => product * dim, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + sizeBytes] };
    end += sizeBytes;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(join(directory, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([length, text]));
  for (const [index, [name, shape]] of tensors.entries()) {
    const values = randomTensor(shape, 7919 * (index + 1));
    if (/layer_norm\.weight$/.test(name)) for (let i = 0; i < values.length; i++) values[i] += 1;
    await file.write(new Uint8Array(values.buffer));
  }
  await file.close();
}

/** Logits of 20 forced tokens over one window of noise. */
async function logitsOn(device, model, store) {
  const context = { storeDirectory: store, env: process.env, offline: true };
  const loaded = await openModel({ model, device, dtype: 'f32', context, threads: 2 });
  console.log(`${loaded.backend.device}: loaded`);
  const audio = await loaded.backend.encode([randomTensor([1, 80 * 3000], 42).map((x) => x * 50)]);
  const run = await audio.startDecoder();
  const rows = [];
  for (let i = 0; i < 20; i++) rows.push((await run.forward({ tokens: [[(i * 2477 + 11) % 50000]] })).logits);
  await loaded[Symbol.asyncDispose]();
  return rows;
}

const model = join(folder, 'checkpoint');
await writeModel(model);
const base = await resolveModel('whisper-base', { storeDirectory: storeDirectory(process.env), env: process.env });
await copyFile(join(base.directory, 'tokenizer.json'), join(model, 'tokenizer.json'));
const cpu = await logitsOn({ kind: 'cpu' }, model, join(folder, 'store'));
await rm(join(folder, 'store', 'prepared'), { recursive: true });
const npu = await logitsOn({ kind: 'npu', index: 0 }, model, join(folder, 'store'));
let largest = 0;
let agree = 0;
let cosine = 1;
for (const [i, row] of cpu.entries()) {
  let [ab, aa, bb, best, other] = [0, 0, 0, 0, 0];
  for (let t = 0; t < row.length; t++) {
    const [a, b] = [row[t], npu[i][t]];
    largest = Math.max(largest, Math.abs(a - b));
    ab += a * b;
    aa += a * a;
    bb += b * b;
    if (a > row[best]) best = t;
    if (b > npu[i][other]) other = t;
  }
  cosine = Math.min(cosine, ab / Math.sqrt(aa * bb));
  if (best === other) agree++;
}
console.log(
  `20 tokens: largest difference ${largest.toExponential(2)}, least cosine ${cosine.toFixed(9)}, top-1 ${agree} of 20`,
);
