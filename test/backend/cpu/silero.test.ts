import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { openSilero } from '../../../src/backend/cpu/silero.ts';
import { speechChunks, speechOnly } from '../../../src/vad/speech-chunks.ts';
import { createSpeechDetector } from '../../../src/vad/speech-detector.ts';
import { type SpeechModel, windowSamples } from '../../../src/vad/speech-model.ts';
import { concatenate, samplesOf } from '../../audio/wav-bytes.ts';
import { valuesOf } from '../../graph/open-graph.ts';
import { built } from '../../support/build-dist.ts';
import { expectClose } from '../../support/compare.ts';
import { shared } from '../../support/shared.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const sample = 'samples/espeak-en-16k.wav';
let model: SpeechModel;
let clip: Float32Array;

beforeAll(async () => {
  model = await openSilero();
  clip = await samplesOf(await openAudio(sample));
});
afterAll(() => model[Symbol.asyncDispose]());

const silence = (seconds: number) => new Float32Array(seconds * 16_000);

async function* stream(...parts: Float32Array[]) {
  yield* parts.map((part) => part.slice());
}

async function probabilitiesOf(samples: Float32Array, windowsPerPush: number): Promise<number[]> {
  const listener = model.listen();
  const all: number[] = [];
  const whole = samples.subarray(0, samples.length - (samples.length % windowSamples));
  for (let start = 0; start < whole.length; start += windowsPerPush * windowSamples)
    all.push(...(await listener.push(whole.slice(start, start + windowsPerPush * windowSamples))));
  return all;
}

const weights = 'assets/silero-vad/silero-vad-16k.safetensors';
const published = 'test/fixtures/silero_vad_16k_sequence.onnx';

describe('the weights', () => {
  test('are those that their README says', () => {
    const readme = readFileSync('assets/silero-vad/README.md', 'utf8');
    for (const file of [weights, published])
      expect(readme).toContain(createHash('sha256').update(readFileSync(file)).digest('hex'));
  });

  test('are what the script makes of the published model', () => {
    const made = join(temporaryFolder(), 'weights');
    const { status, stderr } = spawnSync(process.execPath, ['scripts/write-silero-weights.mjs', published, made]);
    expect([status, stderr.toString()]).toEqual([0, '']);
    expect(readFileSync(made).equals(readFileSync(weights))).toBe(true);
  });

  test('are refused where they are damaged, whatever is damaged', async () => {
    const damaged = join(temporaryFolder(), 'weights');
    const bytes = readFileSync(weights);
    const headerEnd = 8 + Number(bytes.readBigUInt64LE());
    const change = fc.record({ at: fc.nat(headerEnd - 1), value: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(headerEnd), async (changes, cut) => {
        const copy = Buffer.from(bytes);
        for (const { at, value } of changes) copy[at] = value;
        writeFileSync(damaged, cut % 4 === 0 ? copy.subarray(0, cut) : copy);
        const opened = await openSilero(damaged).catch((error: unknown) => error);
        if (opened instanceof Error) expect(opened).toMatchObject({ code: 'VAD_LOAD_FAILED' });
        else await (opened as SpeechModel)[Symbol.asyncDispose](); // such as one space for another
      }),
      { numRuns: 60 },
    );
    const nan = Buffer.from(bytes);
    nan.writeFloatLE(Number.NaN, headerEnd + 400);
    writeFileSync(damaged, nan);
    await expect(openSilero(damaged)).rejects.toThrow('stft.basis has values that are no numbers');
  });
});

describe('probabilities', () => {
  test('are the same to the bit however many windows are asked about at once', async () => {
    const whole = clip.subarray(0, 96 * windowSamples);
    const expected = await probabilitiesOf(whole, 96);
    expect(expected).toHaveLength(96);
    for (const windowsPerPush of [1, 5, 32]) expect(await probabilitiesOf(whole, windowsPerPush)).toEqual(expected);
  });

  test('are the same in a worker beside this thread', async () => {
    const script = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.silero).then(async ({ openSilero }) => {
        const model = await openSilero();
        parentPort.postMessage(await model.listen().push(workerData.samples));
      });`;
    const samples = clip.slice(0, 96 * windowSamples);
    const silero = built('backend/cpu/silero.js');
    const workers = [1, 2].map(() => new Worker(script, { eval: true, workerData: { silero, samples } }));
    const answers = workers.map((worker) => once(worker, 'message'));
    const expected = await model.listen().push(samples);
    for (const [answer] of await Promise.all(answers)) expect(answer).toEqual(expected);
  });

  test('of two recordings do not mix', async () => {
    const [first, second] = [model.listen(), model.listen()];
    const part = (i: number) => clip.slice(i * 8192, (i + 1) * 8192);
    const alone = model.listen();
    for (let i = 0; i < 4; i++) {
      const expected = await alone.push(part(i));
      await second.push(silence(1).subarray(0, 8192));
      expect(await first.push(part(i))).toEqual(expected);
    }
  });

  test('are low in silence, noise and hum', async () => {
    let seed = 1;
    const noise = silence(10).map(() => {
      seed = (seed * 48_271) % 2_147_483_647;
      return 0.1 * (seed / 1_073_741_823.5 - 1);
    });
    const hum = silence(10).map((_, i) => 0.2 * Math.sin((2 * Math.PI * 50 * i) / 16_000));
    for (const sound of [silence(10), noise, hum])
      expect(Math.max(...(await probabilitiesOf(sound, 32)))).toBeLessThan(0.5);
  });

  test('need whole windows', async () => {
    await expect(model.listen().push(new Float32Array(500))).rejects.toThrow(RangeError);
  });
});

const clips = Object.entries<Stretches>(JSON.parse(readFileSync('test/fixtures/speech-stretches.json', 'utf8'))).map(
  ([name, stretches]) => ({ name, path: name.replace(/^shared/, shared ?? ''), stretches }),
);

describe.each(clips)('$name', ({ name, path, stretches }) => {
  let padded: Float32Array;
  let nSamples: number;
  beforeAll(async () => {
    if (name.startsWith('shared') && shared === undefined) return;
    const samples = await samplesOf(await openAudio(path));
    nSamples = samples.length;
    padded = new Float32Array((Math.floor(nSamples / windowSamples) + 1) * windowSamples);
    padded.set(samples);
  });

  test.skipIf(name.startsWith('shared') && shared === undefined)(
    'has the probabilities that ONNX Runtime computes with the published model',
    async () => expectClose(await probabilitiesOf(padded, 32), await published32(padded), 1e-5),
  );

  // As ONNX Runtime's probabilities made them, before there was an executor of our own.
  test.skipIf(name.startsWith('shared') && shared === undefined)('has the same stretches of speech', async () => {
    const probabilities = await probabilitiesOf(padded, 32);
    for (const [rule, options] of Object.entries(rules)) {
      const detector = createSpeechDetector(options);
      const spans = [...probabilities.flatMap((p) => detector.push(p)), ...detector.finish(nSamples)];
      expect(spans.map(({ start, end }) => [start, end])).toEqual(stretches[rule as keyof Stretches]);
    }
  });
});

type Stretches = Readonly<Record<keyof typeof rules, [start: number, end: number][]>>;

const rules = { default: {}, batched: { maxSpeechSeconds: 30, minSilenceMs: 160 } };

/** The published model's probabilities, 32 windows at once. */
async function published32(samples: Float32Array): Promise<number[]> {
  const session = await ort.InferenceSession.create(published, { intraOpNumThreads: 1 });
  const state = (): ort.Tensor => new ort.Tensor('float32', new Float32Array(128), [1, 1, 128]);
  let [h, c] = [state(), state()];
  const all: number[] = [];
  // Each window with the 64 samples before it.
  const led = concatenate([new Float32Array(64), samples]);
  for (let start = 0; start < samples.length; start += 32 * windowSamples) {
    const count = Math.min(32, (samples.length - start) / windowSamples);
    const windows = Array.from({ length: count }, (_, i) => led.subarray(start + i * windowSamples).subarray(0, 576));
    const input = new ort.Tensor('float32', concatenate(windows), [count, 576]);
    const { speech_probs, hn, cn } = (await session.run({ input, h, c })) as Record<string, ort.Tensor>;
    all.push(...valuesOf(speech_probs));
    if (hn === undefined || cn === undefined) throw new Error('the published model gave no states');
    [h, c] = [hn, cn];
  }
  await session.release();
  return all;
}

describe('speech in a recording', () => {
  test('is found between long silences, and times lead back to it', async () => {
    const speech = speechOnly(stream(silence(10), clip, silence(20), clip, silence(5)), model);
    const parts: Float32Array[] = [];
    for await (const part of speech.samples) parts.push(part);
    const spans = speech.times.spans;
    expect(spans).toHaveLength(2);
    for (const [i, start] of [10, 30 + clip.length / 16_000].entries()) {
      expect(Math.abs(spans[i]!.startSeconds - start)).toBeLessThan(0.6);
      expect(Math.abs(spans[i]!.endSeconds - start - clip.length / 16_000)).toBeLessThan(0.6);
    }
    expect(concatenate(parts).length / 16_000).toBeLessThan(2 * 5.6 + 4 * 0.6);
  });

  // Made by faster_whisper.vad.get_speech_timestamps with this model (scripts/compare-vad.mjs).
  test('is that of the reference', async () => {
    const spans: number[][] = [];
    for await (const { times } of speechChunks(stream(clip), model))
      spans.push(...times.spans.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]));
    expect(spans).toEqual([[0, clip.length / 16_000]]);
  });

  test('a minute of noise gives no chunk', async () => {
    for await (const _ of speechChunks(stream(silence(60)), model)) expect.unreachable();
  });
});

test('a model that cannot be loaded is an error with its path', async () => {
  await expect(openSilero('package.json')).rejects.toMatchObject({
    code: 'VAD_LOAD_FAILED',
    message: expect.stringContaining('package.json'),
  });
});

test('a model that was closed says so, to those too who listened before, and may be closed again', async () => {
  const closed = await openSilero();
  const before = closed.listen();
  await closed[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
  for (const listener of [before, closed.listen()])
    await expect(listener.push(new Float32Array(windowSamples))).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
});
