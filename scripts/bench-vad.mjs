// Times voice activity detection on one core: the model alone beside ONNX Runtime with the published one, call by call in
// turns, and all of it over a recording.
//   npm run build && node scripts/bench-vad.mjs [AUDIO]
import { performance } from 'node:perf_hooks';
import ort from 'onnxruntime-node';
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

const session = await ort.InferenceSession.create('test/fixtures/silero_vad_16k_sequence.onnx', {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const state = new ort.Tensor('float32', new Float32Array(128), [1, 1, 128]);
const noise = Float32Array.from({ length: windowsPerCall * 576 }, () => Math.random() - 0.5);
const input = new ort.Tensor('float32', noise, [windowsPerCall, 576]);
const samples = noise.subarray(0, windowsPerCall * 512);
const listener = model.listen();
const ways = {
  ours: () => listener.push(samples),
  'ONNX Runtime': () => session.run({ input, h: state, c: state }),
};
const callMs = { ours: [], 'ONNX Runtime': [] };
for (let run = 0; run < runs; run++) {
  for (const [name, call] of Object.entries(ways)) {
    const start = performance.now();
    await call();
    callMs[name].push(performance.now() - start);
  }
}
await session.release();
console.log(`load ${loadMs.toFixed(0)} ms`);
for (const [name, times] of Object.entries(callMs)) {
  times.sort((a, b) => a - b);
  const rtf = times[runs / 2] / 1000 / (windowsPerCall * windowSeconds);
  console.log(
    `${name}: a call of ${windowsPerCall} windows: shortest ${times[0].toFixed(2)} ms, median ${times[runs / 2].toFixed(2)} ms, 99 % below ${times[Math.floor(runs * 0.99)].toFixed(2)} ms, RTF ${rtf.toFixed(5)}`,
  );
}

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
