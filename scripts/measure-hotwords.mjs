/**
 * Measures what `--hotwords` does, with sentences full of rare names that espeak-ng speaks (apt-get install espeak-ng) and with sounds in which
 * none of them is said:
 *
 *   npm run build && node scripts/measure-hotwords.mjs [--model whisper-base] [--dtype float32] [--timestamps] [RECORDING …]
 *
 * Every sentence and every recording is transcribed without hotwords and with all names of all sentences. Of sentences it prints how many of their names
 * are spelt right; of noise, a tone, silence and RECORDINGs, whether the text stays the same, and else both. Ends with 1 where a name is heard
 * in one of these.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel, openRecording, transcribe } from '../dist/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'whisper-base' },
    dtype: { type: 'string', default: 'float32' },
    timestamps: { type: 'boolean', default: false },
  },
});

/** What is said by which voice, and the names in it. */
const sentences = [
  [
    'en-us',
    'Yesterday we installed Kunpeng servers in Guiyang, and Ascend accelerators from Huawei.',
    ['Kunpeng', 'Guiyang', 'Ascend'],
  ],
  [
    'en-gb',
    'Doctor Siobhan Kaczmarek and Professor Nguyen will present ComfyUI at the conference in Szczecin.',
    ['Siobhan Kaczmarek', 'Nguyen', 'ComfyUI', 'Szczecin'],
  ],
  [
    'en-us',
    'Please ask Wojciech about the Kubernetes cluster, and send the Grafana dashboard to Saoirse.',
    ['Wojciech', 'Kubernetes', 'Grafana', 'Saoirse'],
  ],
  [
    'en-us',
    'The patient takes metoprolol and apixaban, and since Monday also empagliflozin.',
    ['metoprolol', 'apixaban', 'empagliflozin'],
  ],
  ['de', 'Gestern hat Frau Schmidt die Server mit Kunpeng und Ascend in Wuppertal besucht.', ['Kunpeng', 'Ascend']],
  [
    'en-us',
    'My name is Przybylski, and I work for Zscaler. Our competitor is Palantir.',
    ['Przybylski', 'Zscaler', 'Palantir'],
  ],
];
const hotwords = [...new Set(sentences.flatMap(([, , names]) => names))];

const rate = 16_000;
/** Sounds in which nobody speaks, of 20 s. @param at the sample at a time */
const sounds = {
  'white noise': () => 0.02 * (2 * random() - 1),
  'quiet noise': () => 0.001 * (2 * random() - 1),
  'a tone': (i) => 0.1 * Math.sin((2 * Math.PI * 440 * i) / rate),
  'a hum with noise': (i) => 0.05 * Math.sin((2 * Math.PI * 50 * i) / rate) + 0.005 * (2 * random() - 1),
  silence: () => 0,
};
let seed = 1;
function random() {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return seed / 2 ** 31;
}

function writeSound(path, at) {
  const samples = Int16Array.from({ length: 20 * rate }, (_, i) => Math.round(32_767 * at(i)));
  writeFileSync(path, Buffer.from(samples.buffer));
}

function speak(path, voice, text) {
  const { status, stderr } = spawnSync('espeak-ng', ['-v', voice, '-s', '150', '-w', path, text], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`espeak-ng does not speak: ${stderr ?? 'it is not there'}`);
}

const folder = mkdtempSync(join(tmpdir(), 'whisper-npu-hotwords-'));
const model = await loadModel({ model: values.model, device: 'cpu', dtype: values.dtype });

async function textOf(path, options, opening = {}) {
  const recording = await openRecording(path, opening);
  let text = '';
  for await (const segment of transcribe(model, recording, { timestamps: values.timestamps, ...options }))
    text += segment.text;
  await recording[Symbol.asyncDispose]();
  return text.trim();
}

const count = (text, names) => names.filter((name) => text.includes(name)).length;
/** Names that were not said in a text. */
const invented = (text, said) => hotwords.filter((name) => text.includes(name) && !said.some((word) => word === name));

async function compare(label, path, names, opening) {
  const without = await textOf(path, {}, opening);
  const named = await textOf(path, { hotwords }, opening);
  const wrong = invented(named, names).filter((name) => !without.includes(name));
  if (names.length > 0)
    console.log(`${label}: ${count(without, names)} -> ${count(named, names)} of ${names.length} names`);
  else console.log(`${label}: ${without === named ? 'the same' : 'another text'}`);
  if (without !== named) console.log(`  - ${without}\n  + ${named}`);
  if (wrong.length > 0) console.log(`  invented: ${wrong.join(', ')}`);
  return { without: count(without, names), named: count(named, names), of: names.length, wrong: wrong.length };
}

try {
  const totals = { without: 0, named: 0, of: 0 };
  for (const [i, [voice, text, names]] of sentences.entries()) {
    const path = join(folder, `${i}.wav`);
    speak(path, voice, text);
    const found = await compare(`sentence ${i + 1}`, path, names);
    for (const name of Object.keys(totals)) totals[name] += found[name];
  }
  console.log(`${values.model}, ${values.dtype}: ${totals.without} -> ${totals.named} of ${totals.of} names`);
  let wrong = 0;
  for (const [label, at] of Object.entries(sounds)) {
    const path = join(folder, 'sound');
    writeSound(path, at);
    wrong += (await compare(label, path, [], { inputFormat: 's16le' })).wrong;
  }
  for (const path of positionals) wrong += (await compare(basename(path), path, [])).wrong;
  if (wrong > 0) process.exitCode = 1;
} finally {
  await model[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}
