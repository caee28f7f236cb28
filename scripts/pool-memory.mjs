/**
 * Whether a pool's memory stays flat over many recordings:
 *
 *   npm run build && node --expose-gc scripts/pool-memory.mjs [--recordings 2000] [--model whisper-tiny.en] [--dtype int8] [--device cpu] [--jobs 4]
 *
 * Short recordings go through a pool, so many at a time, every tenth of them aborted. It prints the resident memory every hundred
 * recordings, and in the end how much it has grown in the second half, by the line that fits best.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openPool } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    recordings: { type: 'string', default: '2000' },
    model: { type: 'string', default: 'whisper-tiny.en' },
    dtype: { type: 'string', default: 'int8' },
    device: { type: 'string', default: 'cpu' },
    jobs: { type: 'string', default: '4' },
  },
});
const count = Number(values.recordings);
const every = Math.max(1, Math.round(count / 20));
const bytes = readFileSync(new URL('../samples/espeak-en-16k.wav', import.meta.url)).subarray(44);
const sentence = Float32Array.from(
  { length: Math.floor(bytes.length / 2) },
  (_, i) => bytes.readInt16LE(2 * i) / 32_768,
);

const pool = await openPool({
  model: values.model,
  dtype: values.dtype,
  device: values.device,
  batchSize: Number(values.jobs),
});
const measured = [];
let [begun, done, aborted] = [0, 0, 0];

async function hear(index) {
  const first = (index * 7919) % (sentence.length - 16_000);
  const samples = sentence.slice(first, first + 8000 + (index % 5) * 2000);
  const ending = new AbortController();
  const recording = {
    async *samples() {
      yield samples.slice();
    },
  };
  // Some are given up while they wait or are decoded.
  if (index % 10 === 9) setTimeout(() => ending.abort(new Error('given up')), index % 200);
  try {
    for await (const _ of pool.transcribe(recording, { language: 'en', temperatures: [0], signal: ending.signal }));
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    aborted++;
  }
  if (++done % every !== 0) return;
  globalThis.gc?.();
  const mb = process.memoryUsage().rss / 1e6;
  measured.push({ done, mb });
  console.log(`${done} recordings: ${mb.toFixed(1)} MB`);
}

async function work() {
  while (begun < count) await hear(begun++);
}
const started = performance.now();
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const half = measured.filter(({ done }) => done > count / 2);
const meanOf = (name) => half.reduce((sum, each) => sum + each[name], 0) / half.length;
const [meanDone, meanMb] = [meanOf('done'), meanOf('mb')];
const slope =
  half.reduce((sum, each) => sum + (each.done - meanDone) * (each.mb - meanMb), 0) /
  half.reduce((sum, each) => sum + (each.done - meanDone) ** 2, 0);
console.log(
  `${count} recordings in ${((performance.now() - started) / 1000).toFixed(0)} s, ${aborted} of them given up; ` +
    `in the second half ${(slope * 1000).toFixed(2)} MB more per 1,000 recordings`,
);
await pool.close();
