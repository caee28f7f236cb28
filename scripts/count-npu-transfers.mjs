/**
 * Counts what a token costs the host on an NPU, in the stand-in's trace: executions, bytes up and down, waits and the main thread's
 * time, for texts of 224 tokens. The model has whisper-medium's layers and vocabulary, on which all of this depends, with narrow
 * layers and little to hear, so that it computes in no time; its prompt is counted too.
 *
 *   npm run build && npm run build:stand-in && node scripts/count-npu-transfers.mjs
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from '../dist/decoding/decode.js';
import { openModel } from '../dist/setup/open-model.js';
import { mediumDimensions, randomTensor, writeRandomCheckpoint } from './random-checkpoint.mjs';

const standIn = { WHISPER_NPU_ACL_LIBRARY: 'build/stand-in/libascendcl.so', WHISPER_NPU_ATC: 'build/stand-in/atc' };
const rounds = 3;
const warmUpRounds = 3;
const dimensions = {
  ...mediumDimensions,
  ...{ nAudioCtx: 20, nAudioState: 32, nAudioHead: 2, nAudioLayer: 1, nTextState: 32, nTextHead: 2 },
};
const ways = {
  greedy: { windows: 1, timestamps: false },
  'greedy with timestamps': { windows: 1, timestamps: true },
  '8 windows with timestamps': { windows: 8, timestamps: true },
};

const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-transfers-'));
const trace = join(folder, 'trace.jsonl');
process.env.STAND_IN_TRACE = trace;
try {
  const model = join(folder, 'checkpoint');
  await writeRandomCheckpoint(model, dimensions);
  const context = { storeDirectory: join(folder, 'store'), env: { ...process.env, ...standIn }, offline: true };
  const loaded = await openModel({
    ...{ model, device: { kind: 'npu', index: 0 }, dtype: 'float16', context, threads: 1, windows: 8 },
  });
  const rows = {};
  for (const [name, way] of Object.entries(ways)) rows[name] = await costs(loaded, way);
  await loaded[Symbol.asyncDispose]();
  console.log(`${loaded.backend.device}: the stand-in, not a device`);
  console.table(rows);
} finally {
  rmSync(folder, { recursive: true });
}

/** Per token of all windows together. */
async function costs(model, { windows, timestamps }) {
  const options = {
    ...{
      task: 'transcribe',
      timestamps,
      temperature: 0,
      beamSize: 1,
      bestOf: 1,
      patience: 1,
      previous: [],
      prefix: [],
    },
    ...{
      suppress: [model.rules.special.eot],
      logprobThreshold: -1,
      maxInitialTimestampSeconds: 1,
      random: Math.random,
    },
  };
  const logMels = () => Array.from({ length: windows }, (_, window) => randomTensor([1, 80 * 40], window + 1));
  const audio = await model.backend.encode(logMels());
  const languages = Array.from({ length: windows }, () => 'en');
  // Graphs are loaded, masks come up, functions are compiled.
  for (let round = 0; round < warmUpRounds; round++) await decode(audio, model, languages, options);
  const before = traced().length;
  let tokens = 0;
  let leastMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const begun = mainThreadMs();
    const results = await decode(audio, model, languages, options);
    leastMs = Math.min(leastMs, mainThreadMs() - begun);
    tokens = Math.max(...results.map((result) => result.tokens.length));
  }
  const calls = traced().slice(before);
  const perToken = (value) => Number((value / rounds / tokens).toFixed(2));
  const bytes = (direction) =>
    perToken(calls.filter((call) => call.direction === direction).reduce((sum, call) => sum + call.bytes, 0));
  const count = (pattern) => perToken(calls.filter((call) => pattern.test(call.function)).length);
  return {
    tokens,
    executions: count(/^aclmdlExecuteAsync$/),
    waits: count(/^aclrtSynchronizeStream/),
    'bytes up': bytes('H2D'),
    'bytes down': bytes('D2H'),
    'main thread, ms': Number((leastMs / tokens).toFixed(3)),
  };
}

/** What the main thread has computed so far, however busy the machine is. */
function mainThreadMs() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1e6;
}

function traced() {
  return readFileSync(trace, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
