/**
 * Records what a model writes over each window of recordings, for dry devices of the stand-in to replay (test/stand-in/README.md):
 *
 *   npm run build && node scripts/record-tokens.mjs [--model whisper-base] [--device cpu] [--dtype int8] FILE... > tokens.txt
 *
 * Recordings are transcribed greedily, in English, with the tokens of the windows before, as `transcribe --temperature 0
 * --language en` does it. Devices: those of `loadModel()`, the stand-in that computes among them.
 */
import { parseArgs } from 'node:util';
import { loadModel, openRecording, transcribe } from '../dist/index.js';
import { recordTexts } from './dry/record-texts.mjs';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  options: { model: text, device: { ...text, default: 'cpu' }, dtype: text },
  allowPositionals: true,
});
if (positionals.length === 0) throw new Error('name the recordings');
const model = await loadModel(values);
const recorded = recordTexts(model, (line) => console.log(line));
console.log(`# ${model.name}, ${model.dtype}, ${model.backend.device}`);
for (const file of positionals) {
  const recording = await openRecording(file);
  for await (const segment of transcribe(recorded, recording, { language: 'en', temperatures: [0] }))
    console.error(`${file}: ${segment.text.trim()}`);
  await recording[Symbol.asyncDispose]();
}
await model[Symbol.asyncDispose]();
