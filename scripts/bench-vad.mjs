// Times voice activity detection on one core: the model alone, and all of it over a recording.
//   npm run build && node scripts/bench-vad.mjs [AUDIO]
import { performance } from 'node:perf_hooks';
import { openAudio } from '../dist/audio/open-audio.js';
import { openSilero } from '../dist/backend/cpu/silero.js';
import { speechOnly } from '../dist/vad/speech-chunks.js';

const windowsPerCall = 32;
const windowSeconds = 512 / 16_000;
const runs = 300;

const [path = 'samples/espeak-en-16k.wav'] = process.argv.slice(2);
const started = performance.now();
const model = await openSilero();
const loadMs = performance.now() - started;

const listener = model.listen();
const noise = Float32Array.from({ length: windowsPerCall * 512 }, () => Math.random() - 0.5);
const callMs = [];
for (let run = 0; run < runs; run++) {
  const start = performance.now();
  await listener.push(noise);
  callMs.push(performance.now() - start);
}
callMs.sort((a, b) => a - b);
const [median, worst] = [callMs[runs / 2], callMs[Math.floor(runs * 0.99)]];
const rtf = median / 1000 / (windowsPerCall * windowSeconds);
console.log(
  `load ${loadMs.toFixed(0)} ms; a call of ${windowsPerCall} windows: median ${median.toFixed(2)} ms, 99 % below ${worst.toFixed(2)} ms, RTF ${rtf.toFixed(5)}`,
);

const audio = await openAudio(path);
const blocks = [];
for await (const block of audio.samples) blocks.push(block);
const seconds = blocks.reduce((sum, { length }) => sum + length, 0) / 16_000;
async function* stream() {
  yield* blocks;
}
const from = performance.now();
let speechSeconds = 0;
for await (const block of speechOnly(stream(), model).samples) speechSeconds += block.length / 16_000;
const ms = performance.now() - from;
console.log(
  `${path}: ${speechSeconds.toFixed(1)} of ${seconds.toFixed(1)} s are speech, found in ${ms.toFixed(0)} ms, RTF ${(ms / 1000 / seconds).toFixed(5)}`,
);
await model[Symbol.asyncDispose]();
