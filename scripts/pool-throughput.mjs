/**
 * What a pool on the CPU gets through beside one recording after the other, and how near that is to what its engine needs:
 *
 *   npm run build && node scripts/pool-throughput.mjs [--clips 40] [--jobs 1,2,4,8] [--rounds 3] [--model whisper-base] [--dtype int8]
 *     [--threads 2] [--max-tokens 40]
 *
 * The clips have 5 to 30 s, sentences with pauses. Ways take turns, so that a change of the machine's speed reaches all of them, and
 * every text must be that of its clip alone. The limit of a way is the time that the engine computes, by its profile: windows are
 * encoded, and the decoder's steps are shared by rows. What is beyond that is spectrograms, waiting and messages between threads.
 * --max-tokens is for models with random weights, whose texts have no end.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { listDevices } from '../dist/pool/devices.js';
import { openModels } from '../dist/pool/open-pool.js';
import { poolOf } from '../dist/pool/pool.js';
import { withContext } from '../dist/setup/load-model.js';
import { transcribe } from '../dist/transcribe/transcribe.js';

const { values } = parseArgs({
  options: {
    clips: { type: 'string', default: '40' },
    jobs: { type: 'string', default: '1,2,4,8' },
    rounds: { type: 'string', default: '3' },
    model: { type: 'string', default: 'whisper-base' },
    dtype: { type: 'string', default: 'int8' },
    threads: { type: 'string', default: String(availableParallelism()) },
    'max-tokens': { type: 'string' },
  },
});
const rate = 16_000;
const jobs = values.jobs.split(',').map(Number);

/** Clips of 5 to 30 s, the same ones every time: parts of the sample with pauses between them. */
function makeClips(count) {
  const bytes = readFileSync(new URL('../samples/espeak-en-16k.wav', import.meta.url)).subarray(44);
  const sentence = Float32Array.from(
    { length: Math.floor(bytes.length / 2) },
    (_, i) => bytes.readInt16LE(2 * i) / 32_768,
  );
  return Array.from({ length: count }, (_, i) => {
    const length = Math.round((5 + (25 * ((i * 17) % count)) / Math.max(1, count - 1)) * rate);
    const clip = new Float32Array(length);
    for (let at = 0, part = i; at < length; part++) {
      // Not every sentence is whole, so that texts differ.
      const spoken = sentence.subarray(0, Math.round(sentence.length * (part % 3 === 0 ? 0.55 : 1)));
      clip.set(spoken.subarray(0, length - at), at);
      at += spoken.length + rate;
    }
    return {
      seconds: length / rate,
      recording: {
        async *samples() {
          yield clip.slice();
        },
      },
    };
  });
}

const clips = makeClips(Number(values.clips));
const audioSeconds = clips.reduce((sum, { seconds }) => sum + seconds, 0);
const asked = { language: 'en', temperatures: [0] };

async function textOf(segments) {
  let text = '';
  for await (const segment of segments) text += segment.text;
  return text;
}

/** Opens the model, has something done with it, and says how long that took and for how much of it the engine computed. */
async function measured(work) {
  let profiles = [];
  const opening = withContext({
    model: values.model,
    dtype: values.dtype,
    threads: Number(values.threads),
    onProfile: (told) => {
      profiles = told;
    },
  });
  const [loaded] = await openModels(
    await listDevices({ kind: 'cpu', engines: 1 }, opening.threads, process.env),
    opening,
  );
  const maxTokens = values['max-tokens'];
  const rules = maxTokens === undefined ? loaded.rules : { ...loaded.rules, maxLength: Number(maxTokens) };
  const model = { ...loaded, rules };
  const started = performance.now();
  const texts = await work(model);
  const seconds = (performance.now() - started) / 1000;
  await loaded[Symbol.asyncDispose]();
  const of = (graph) => {
    const { executions = 0, executionMs = 0 } = profiles.find((each) => each.graph === graph) ?? {};
    return { executions, seconds: (executions * executionMs) / 1000 };
  };
  return { texts, seconds, encoder: of('encoder'), decoder: of('decoder') };
}

async function oneByOne(model) {
  const texts = [];
  for (const { recording } of clips) texts.push(await textOf(transcribe(model, recording, asked)));
  return texts;
}

const several = (atATime) => async (model) => {
  const lent = { ...model, [Symbol.asyncDispose]: async () => {} };
  const pool = poolOf([lent], { batchSize: atATime, maxRecordings: atATime });
  try {
    return await Promise.all(clips.map(({ recording }) => textOf(pool.transcribe(recording, asked))));
  } finally {
    await pool.close();
  }
};

const ways = [
  { name: 'one by one', work: oneByOne, results: [] },
  ...jobs.map((count) => ({ name: `pool, ${count} at a time`, work: several(count), results: [] })),
];
console.log(`${cpus()[0]?.model}, ${values.threads} threads, load before ${loadavg()[0]?.toFixed(2)}`);
console.log(`${values.model}, ${values.dtype}: ${clips.length} clips of ${audioSeconds.toFixed(0)} s in all`);
let expected;
for (let round = 0; round < Number(values.rounds); round++) {
  for (const way of ways) {
    const result = await measured(way.work);
    expected ??= result.texts;
    if (JSON.stringify(result.texts) !== JSON.stringify(expected))
      throw new Error(`${way.name}: texts are not those of clips alone`);
    way.results.push(result);
  }
}
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const alone = ways[0].results;
for (const { name, results } of ways) {
  const seconds = median(results.map((each) => each.seconds));
  const gain = median(results.map((each, round) => alone[round].seconds / each.seconds));
  const share = median(results.map((each) => (each.encoder.seconds + each.decoder.seconds) / each.seconds));
  const [{ encoder, decoder }] = results;
  console.log(
    `${name}: ${seconds.toFixed(2)} s (${(audioSeconds / seconds).toFixed(1)} s of audio in a second), ${gain.toFixed(2)} times one by one, ` +
      `${(100 * share).toFixed(1)} % of the limit; encoder ${encoder.seconds.toFixed(2)} s in ${encoder.executions}, ` +
      `decoder ${decoder.seconds.toFixed(2)} s in ${decoder.executions} steps`,
  );
}
console.log('all texts are those of their clips alone');
