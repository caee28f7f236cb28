/**
 * Times whisper-npu against other programs on the same clip, weights and threads: models loaded, audio decoded, runs
 * taken in turn so that a busy machine slows all alike. A peer takes part where it is installed and its model is given.
 * A clip of up to 30 s is decoded without timestamps, a longer one with, by which all find their way through it. With
 * `--tokens 20` each decodes that many whatever the model says, so that random weights of a shape will do
 * (scripts/write-random-checkpoint.mjs). `--cpu-level avx2` has us compute on that level, while
 * peers use what the processor has. Nothing is measured on a busy machine but with `--force`.
 *
 *   npm run build
 *   python3 -m venv peers && peers/bin/pip install faster-whisper transformers torch openai-whisper
 *   node scripts/export-safetensors.mjs whisper-base hf-base && node scripts/export-ggml.mjs whisper-base ggml-base.bin
 *   node scripts/compare-peers.mjs --python peers/bin/python --hf-model hf-base \
 *     --whisper-cpp whisper.cpp/build/bin/whisper-server --ggml-model ggml-base.bin CLIP.wav
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openAudio } from '../dist/audio/open-audio.js';
import { summarize } from '../dist/bench/stats.js';
import { table } from '../dist/cli/table.js';
import { nSamples } from '../dist/features/log-mel.js';
import { resolveModel } from '../dist/model/resolve-model.js';
import { storeDirectory } from '../dist/model/store.js';
import { fasterWhisper } from './peers/faster-whisper.mjs';
import { openaiWhisper, transformers } from './peers/pytorch.mjs';
import { transformersJs } from './peers/transformers-js.mjs';
import { whisperCpp } from './peers/whisper-cpp.mjs';
import { ourselves } from './peers/whisper-npu.mjs';

/** In the order of the table; ratios are to the first. */
const peers = [
  ...['float32', 'int8'].map(ourselves),
  ...['float32', 'int8'].map(fasterWhisper),
  transformers,
  openaiWhisper,
  whisperCpp,
  transformersJs,
];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'whisper-base' },
    language: { type: 'string', default: 'en' },
    threads: { type: 'string', default: String(Math.min(availableParallelism(), 8)) },
    rounds: { type: 'string', default: '9' },
    tokens: { type: 'string' },
    'cpu-level': { type: 'string' },
    force: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    ...Object.assign({}, ...peers.map(({ options }) => options)),
  },
});
const [audio = 'samples/espeak-en-16k.wav'] = positionals;
process.on('uncaughtException', ({ message, hint, stack }) => {
  console.error(hint === undefined ? stack : `${message}\nhint: ${hint}`);
  process.exit(1);
});
const threads = count('threads');
const rounds = count('rounds');
const tokens = flags.tokens === undefined ? undefined : count('tokens');
refuseBusyMachine();
const store = storeDirectory(process.env);
const scratch = await mkdtemp(join(tmpdir(), 'whisper-npu-peers-'));
const runners = [];
try {
  const absent = await startAll(await workload());
  const texts = new Map();
  for (const runner of runners) texts.set(runner, (await runner.transcribe()).text.trim()); // warm-up
  const times = await measure();
  if (flags.json) console.log(JSON.stringify(asJson(times, texts, absent)));
  else printTable(times, texts, absent);
} finally {
  await Promise.allSettled(runners.map((runner) => runner.close())); // no failure to close hides another
  await rm(scratch, { recursive: true });
}

function count(name) {
  const value = Number(flags[name]);
  if (Number.isInteger(value) && value > 0) return value;
  throw Object.assign(new Error(`--${name} is a count, not '${flags[name]}'`), {
    hint: 'give a whole number from 1 on',
  });
}

/** Times of a machine that does other work say nothing of the programs. */
function refuseBusyMachine() {
  const [load] = loadavg();
  if (load < 0.5 || flags.force) return;
  throw Object.assign(new Error(`this machine is busy: ${load.toFixed(2)} programs at work in the last minute`), {
    hint: 'wait until it is idle, or measure all the same with --force',
  });
}

/** What every peer is given. */
async function workload() {
  const { directory, format } = await resolveModel(flags.model, { storeDirectory: store, env: process.env });
  const samples = await readSamples(audio);
  const samplesFile = join(scratch, 'samples.f32');
  const wavFile = join(scratch, 'samples.wav');
  await writeFile(samplesFile, samples);
  await writeFile(wavFile, wavOf(samples));
  const { model, language } = flags;
  const isLong = samples.length > nSamples;
  if (isLong && tokens !== undefined) throw new Error('--tokens is for a clip of up to 30 s');
  const recording = { samples, isLong, samplesFile, wavFile };
  const cpuLevel = flags['cpu-level'];
  return { model, directory, format, ...recording, language, threads, tokens, cpuLevel, storeDirectory: store };
}

async function startAll(work) {
  const absent = [];
  for (const { name, start } of peers) {
    const started = await start(work, flags).catch((error) => ({ absent: error.message }));
    if (started.absent === undefined) runners.push(started);
    else if (runners.length === 0) throw new Error(`${name}, to which all are compared: ${started.absent}`);
    else absent.push({ name, reason: started.absent });
  }
  return absent;
}

async function measure() {
  const times = new Map(runners.map((runner) => [runner, []]));
  for (let round = 0; round < rounds; round++) {
    for (const runner of runners) {
      await sleep(500); // idle threads of the one before go on spinning for a while
      times.get(runner).push((await runner.transcribe()).seconds);
    }
  }
  return times;
}

/** Each round's time against ours of the same round: what slows a whole round falls out. */
function ratios(times, runner) {
  const ours = times.get(runners[0]);
  return times.get(runner).map((seconds, round) => seconds / ours[round]);
}

function printTable(times, texts, absent) {
  const rows = runners.map((runner) => {
    const { min, p50, max } = summarize(times.get(runner));
    const ratio = summarize(ratios(times, runner));
    const same = texts.get(runner) === texts.get(runners[0]) ? 'yes' : 'no';
    return [
      runner.label,
      ...[min, p50, max].map(fixed),
      fixed(ratio.p50),
      `${fixed(ratio.min)} to ${fixed(ratio.max)}`,
      same,
    ];
  });
  const length = tokens === undefined ? '' : `${tokens} tokens, `;
  const load = flags.force ? `, load ${loadavg()[0].toFixed(1)}` : '';
  console.log(
    `${audio}, ${flags.model}, ${length}${threads} threads, ${rounds} rounds, ${cpus()[0].model}${load}; seconds`,
  );
  console.log(table(['program', 'min', 'median', 'max', 'ratio', 'of rounds', 'same text'], rows, [1, 2, 3, 4]));
  for (const { name, reason } of absent) console.log(`absent: ${name} (${reason})`);
}

function asJson(times, texts, absent) {
  const results = runners.map((runner) => ({
    program: runner.label,
    seconds: times.get(runner),
    ratio: summarize(ratios(times, runner)).p50,
    text: texts.get(runner),
  }));
  return { audio, model: flags.model, tokens, threads, rounds, cpu: cpus()[0].model, results, absent };
}

function fixed(value) {
  return value.toFixed(value < 10 ? 3 : 2);
}

async function readSamples(path) {
  const { samples } = await openAudio(path, {});
  const blocks = [];
  for await (const block of samples) blocks.push(block);
  return Float32Array.from(blocks.flatMap((block) => [...block]));
}

/** 16-bit mono at 16 kHz. */
function wavOf(samples) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + 2 * samples.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(2 * samples.length, 40);
  const data = Int16Array.from(samples, (sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768))));
  return Buffer.concat([header, Buffer.from(data.buffer)]);
}
