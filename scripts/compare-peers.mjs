/**
 * Times whisper-npu against other programs on the same clip, weights and threads: models loaded, audio decoded, runs
 * taken in turn so that a busy machine slows all alike.
 *
 *   npm run build
 *   python3 -m venv peers && peers/bin/pip install faster-whisper==1.2.1
 *   node scripts/compare-peers.mjs --python peers/bin/python samples/espeak-en-16k.wav
 */
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolveModel } from '../dist/model/resolve-model.js';
import { storeDirectory } from '../dist/model/store.js';
import { startPython } from './peers/python-peer.mjs';
import { start as startOurs } from './peers/whisper-npu.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'whisper-base' },
    python: { type: 'string' },
    language: { type: 'string', default: 'en' },
    threads: { type: 'string', default: String(Math.min(availableParallelism(), 8)) },
    rounds: { type: 'string', default: '9' },
  },
});
const [audio = 'samples/espeak-en-16k.wav'] = positionals;
const { language } = values;
const threads = Number(values.threads);
const store = storeDirectory(process.env);
const { directory, format } = await resolveModel(values.model, { storeDirectory: store, env: process.env });

const runners = [await startOurs({ model: values.model, audio, language, threads, storeDirectory: store })];
if (values.python === undefined) {
  console.log('faster-whisper: absent (give a Python that has it with --python)');
} else if (format !== 'ctranslate2') {
  console.log(`faster-whisper: left out, ${values.model} is not a CTranslate2 folder`);
} else {
  for (const computeType of ['float32', 'int8']) {
    runners.push(
      await startPython(values.python, 'faster-whisper.py', [directory, audio, language, threads, computeType]),
    );
  }
}

const times = new Map(runners.map((runner) => [runner, []]));
const texts = new Map();
for (const runner of runners) texts.set(runner, (await runner.transcribe()).text.trim()); // warm-up
for (let round = 0; round < Number(values.rounds); round++) {
  for (const runner of runners) {
    await sleep(500); // idle threads of the one before go on spinning for a while
    times.get(runner).push((await runner.transcribe()).seconds);
  }
}
for (const runner of runners) await runner.close();

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const [ours] = runners;
console.log(`${audio}, ${values.model}, ${threads} threads, ${values.rounds} rounds, ${cpus()[0].model}`);
console.log(
  `${'program'.padEnd(32)}${'min'.padStart(8)}${'median'.padStart(8)}${'max'.padStart(8)}   ratio  same text`,
);
for (const runner of runners) {
  const list = times.get(runner);
  const cells = [Math.min(...list), median(list), Math.max(...list)].map((s) => s.toFixed(3).padStart(8)).join('');
  const ratio = median(list.map((seconds, round) => seconds / times.get(ours)[round]));
  const same = texts.get(runner) === texts.get(ours) ? 'yes' : 'no';
  console.log(`${runner.label.padEnd(32)}${cells}${ratio.toFixed(2).padStart(8)}  ${same}`);
}
