import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openAudio } from '../../../src/audio/open-audio.ts';
import { openSilero } from '../../../src/backend/cpu/silero.ts';
import { speechChunks, speechOnly } from '../../../src/vad/speech-chunks.ts';
import { type SpeechModel, windowSamples } from '../../../src/vad/speech-model.ts';
import { concatenate, samplesOf } from '../../audio/wav-bytes.ts';

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

test('the model is the one that its README says', () => {
  const file = readFileSync('assets/silero-vad/silero_vad_16k_sequence.onnx');
  const readme = readFileSync('assets/silero-vad/README.md', 'utf8');
  expect(readme).toContain(createHash('sha256').update(file).digest('hex'));
});

describe('probabilities', () => {
  test('are the same however many windows are asked about at once', async () => {
    const whole = clip.subarray(0, 96 * windowSamples);
    const expected = await probabilitiesOf(whole, 96);
    for (const windowsPerPush of [1, 32]) {
      const actual = await probabilitiesOf(whole, windowsPerPush);
      expect(actual).toHaveLength(96);
      for (const [i, x] of actual.entries()) expect(x).toBeCloseTo(expected[i]!, 4);
    }
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
