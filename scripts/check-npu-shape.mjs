/**
 * Holds the NPU path against the CPU on a model of whisper-medium's shape with random weights: one window, 20 forced
 * tokens, logits compared. Runs on whatever ACL is selected, the stand-in included, and needs about 12 GB of memory and
 * 10 GB of disk in the folder given.
 *
 *   npm run build && npm run build:stand-in
 *   WHISPER_NPU_ACL_LIBRARY=build/stand-in/libascendcl.so WHISPER_NPU_ATC=build/stand-in/atc \
 *     node scripts/check-npu-shape.mjs FOLDER
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openModel } from '../dist/setup/open-model.js';
import { randomTensor, writeRandomCheckpoint } from './random-checkpoint.mjs';

const [folder, ...others] = parseArgs({ allowPositionals: true }).positionals;
if (!folder || others.length > 0) throw new Error('name one folder for the model');

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
await writeRandomCheckpoint(model);
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
