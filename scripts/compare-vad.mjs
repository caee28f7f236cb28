// Holds our voice activity detection against faster-whisper's, with its model and with ours, in both of its uses.
//   npm run build && python3 -m venv peers && peers/bin/pip install faster-whisper==1.2.1
//   node scripts/compare-vad.mjs --python peers/bin/python RECORDING...
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openAudio } from '../dist/audio/open-audio.js';
import { openSilero } from '../dist/backend/cpu/silero.js';
import { createSpeechDetector } from '../dist/vad/speech-detector.js';

const windowSamples = 512;
const ourModel = fileURLToPath(new URL('../test/fixtures/silero_vad_16k_sequence.onnx', import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'compare-vad-'));
process.on('exit', () => rmSync(temporary, { recursive: true }));
const rules = { default: {}, batched: { maxSpeechSeconds: 30, minSilenceMs: 160 } };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' } },
});

function theirs(recording, model, name) {
  const script = fileURLToPath(new URL('./peers/faster-whisper-vad.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(values.python, [script, recording, model, name], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

async function ours(recording, onnx, options) {
  const weights = join(temporary, 'weights.safetensors');
  const script = fileURLToPath(new URL('./write-silero-weights.mjs', import.meta.url));
  execFileSync(process.execPath, [script, onnx, weights]);
  const model = await openSilero(weights);
  const audio = await openAudio(recording);
  const blocks = [];
  for await (const block of audio.samples) blocks.push(...block);
  const padded = new Float32Array((Math.floor(blocks.length / windowSamples) + 1) * windowSamples);
  padded.set(blocks);
  const detector = createSpeechDetector(options);
  const probabilities = await model.listen().push(padded);
  await model[Symbol.asyncDispose]();
  return [...[...probabilities].flatMap((p) => detector.push(p)), ...detector.finish(blocks.length)];
}

for (const recording of positionals)
  for (const [name, options] of Object.entries(rules))
    for (const [label, model] of [
      ['their model', 'bundled'],
      ['our model', ourModel],
    ]) {
      const { bundled, spans } = theirs(recording, model, name);
      const found = await ours(recording, model === 'bundled' ? bundled : model, options);
      const apart = spans.map(([start, end], i) =>
        Math.max(Math.abs(start - (found[i]?.start ?? 0)), Math.abs(end - (found[i]?.end ?? 0))),
      );
      const same = spans.length === found.length;
      const verdict = same
        ? `at most ${(Math.max(0, ...apart) / windowSamples).toFixed(2)} windows apart`
        : 'NOT THE SAME';
      console.log(
        `${recording}, ${name}, ${label}: ${spans.length} and ${found.length} stretches of speech, ${verdict}`,
      );
    }
