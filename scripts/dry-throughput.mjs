/**
 * How many seconds of audio a second a host's NPUs would transcribe, and what that takes of the host: a model, not measured. The NPUs
 * are dry devices of the stand-in, which take the time that an Ascend910B4 is modelled to take (test/stand-in/README.md says how) and
 * replay what whisper-base writes. All above them is the program itself: log-mel, pool, decoding, text.
 *
 *   npm run build && npm run build:native && npm run build:stand-in
 *   node scripts/dry-throughput.mjs FOLDER [--cards 1,2,4,8] [--windows 1,4,8] [--audio FILE] [--seconds 150] \
 *     [--least-seconds 300]
 *
 * FOLDER keeps a checkpoint of whisper-medium's shape, whose weights are all 0 as nothing computes with them, and what is converted
 * from it, for the next time.
 * --windows: how many a device is given at a time. --audio is repeated up to --seconds, and each recording is that; each card transcribes
 * --least-seconds or more.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { loadModel, openPool, openRecording, transcribe } from '../dist/index.js';
import { recordTexts } from './dry/record-texts.mjs';
import { mediumDimensions, writeRandomCheckpoint } from './random-checkpoint.mjs';

const sampleRate = 16_000;
const windowSeconds = 30;
const options = { language: 'en', temperatures: [0] };

const { values, positionals } = parseArgs({
  options: {
    cards: { type: 'string', default: '1,2,4,8' },
    windows: { type: 'string', default: '1,4,8' },
    audio: { type: 'string', default: 'samples/espeak-en-16k.wav' },
    seconds: { type: 'string', default: '150' },
    'least-seconds': { type: 'string', default: '300' },
  },
  allowPositionals: true,
});
const [folder, ...others] = positionals;
if (folder === undefined || others.length > 0) throw new Error('name one folder for the model');
const [cards, windows] = [values.cards, values.windows].map((list) => list.split(',').map(Number));
const seconds = Number(values.seconds);
const leastSecondsPerCard = Number(values['least-seconds']);

const model = resolve(folder, 'medium');
if (!existsSync(join(model, 'model.safetensors')))
  await writeRandomCheckpoint(model, mediumDimensions, { isEmpty: true });
const recording = await repeated(values.audio);
const { text, tokens } = await recordedText(recording);
const file = resolve(folder, 'tokens.txt');
writeFileSync(file, tokens);
Object.assign(process.env, {
  WHISPER_NPU_ACL_LIBRARY: resolve('build/stand-in/libascendcl.so'),
  WHISPER_NPU_ATC: resolve('build/stand-in/atc'),
  STAND_IN_DRY: file,
});

console.log(`model, not measured: recordings of ${seconds} s, ${tokens.trim().split('\n').length} windows each`);
const rows = [];
for (const windowsPerDevice of windows)
  for (const count of cards) {
    rows.push(await throughput(count, windowsPerDevice));
    console.error(rows.at(-1));
  }
const one = new Map(rows.filter((row) => row.cards === cards[0]).map((row) => [row.windows, row]));
console.table(
  rows.map(({ audioPerSecond, ...row }) => {
    const growth = (audioPerSecond / one.get(row.windows).audioPerSecond) * cards[0];
    return { ...row, 'audio s a second': Math.round(audioPerSecond), growth: Number(growth.toFixed(2)) };
  }),
);

/** A recording of one file's samples over and over. */
async function repeated(path) {
  const source = await openRecording(path);
  const blocks = [];
  for await (const block of source.samples()) blocks.push(Float32Array.from(block));
  await source[Symbol.asyncDispose]();
  const all = Float32Array.from(blocks.flatMap((block) => [...block]));
  const samples = Float32Array.from({ length: seconds * sampleRate }, (_, i) => all[i % all.length]);
  return {
    async *samples() {
      for (let at = 0; at < samples.length; at += sampleRate) yield samples.slice(at, at + sampleRate);
    },
  };
}

/** What whisper-base writes, and the tokens of each window. */
async function recordedText(source) {
  const base = await loadModel({ model: 'whisper-base', device: 'cpu', dtype: 'int8' });
  const lines = [];
  const recorded = recordTexts(base, (line) => lines.push(line));
  const written = await textOf(transcribe(recorded, source, options));
  await base[Symbol.asyncDispose]();
  return { text: written, tokens: `${lines.join('\n')}\n` };
}

async function textOf(segments) {
  let written = '';
  for await (const segment of segments) written += segment.text;
  return written;
}

async function throughput(count, windowsPerDevice) {
  process.env.STAND_IN_DEVICES = String(count);
  const places = count * windowsPerDevice;
  const pool = await openPool({
    ...{ model, device: 'npu:all', dtype: 'float16', batchSize: windowsPerDevice, maxRecordings: places + count },
    ...{ storeDirectory: resolve(folder, 'store'), offline: true, onWarning: console.warn },
  });
  if (!pool.status().devices.every(({ name }) => name.includes('model, not measured')))
    throw new Error('these devices are not dry');
  // As many as fill all places from beginning to end.
  const recordings = places * Math.ceil((leastSecondsPerCard * count) / seconds / places);
  const run = async () => {
    if ((await textOf(pool.transcribe(recording, options))) !== text) throw new Error('a text is not the recorded one');
  };
  await run(); // compiles what all recordings use
  const [begun, cpu, loop] = [performance.now(), process.cpuUsage(), performance.eventLoopUtilization()];
  await Promise.all(Array.from({ length: recordings }, run));
  const elapsedMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  const mainThread = performance.eventLoopUtilization(loop).utilization;
  const processorMs = (user + system) / 1000;
  await pool.close();
  const windowCount = (recordings * seconds) / windowSeconds;
  return {
    cards: count,
    windows: windowsPerDevice,
    audioPerSecond: (recordings * seconds) / (elapsedMs / 1000),
    'processors busy': Number((processorMs / elapsedMs).toFixed(2)),
    'main thread busy, %': Math.round(100 * mainThread),
    'processor ms a window': Number((processorMs / windowCount).toFixed(1)),
  };
}
