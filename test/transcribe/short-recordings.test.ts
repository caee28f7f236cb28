import { describe, expect, test } from 'vitest';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import { type SpeechModel, windowSamples } from '../../src/vad/speech-model.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import { recordingOf } from '../support/recordings.ts';
import { at, scriptedModel } from './scripted-model.ts';

const rate = 16_000;
/** To this detector everything is speech. */
const speechModel: SpeechModel = {
  listen: () => ({ push: async (samples) => new Float32Array(samples.length / windowSamples).fill(1) }),
  [Symbol.asyncDispose]: async () => undefined,
};
const speech = { model: speechModel, options: { minSpeechMs: 0, speechPadMs: 0 } };

const ways: readonly (readonly [string, TranscribeOptions])[] = [
  ['as text', {}],
  ['with beams', { beamSize: 5 }],
  ['with times', { timestamps: true }],
  ['as a clip of it', { clips: [{ startSeconds: 0 }] }],
  ['without its silence', { speech }],
  ['in batches', { speech, batchSize: 2 }],
];

describe.each(ways)('a recording decoded %s', (_, options) => {
  async function textOf(sampleCount: number, offsetSeconds = 0) {
    const { model, encoded } = scriptedModel(() => ({ tokens: [at(0), 1, at(0.1)] }));
    const durations: number[] = [];
    const recording = { ...recordingOf(randomValues(sampleCount, 1)), offsetSeconds };
    const asked = { ...options, language: 'en', onDuration: (seconds: number) => durations.push(seconds) };
    let text = '';
    for await (const segment of transcribe(model, recording, asked)) text += segment.text;
    return { text, encoded, durations };
  }

  test.each([0.0625, 60, 100])('has no text where it lasts %d ms', async (ms) => {
    const sampleCount = (ms * rate) / 1000;
    expect(await textOf(sampleCount)).toEqual({ text: '', encoded: [], durations: [sampleCount / rate] });
  });

  test('has none where that is all that was asked for of a longer one', async () => {
    expect((await textOf(1600, 60)).encoded).toEqual([]);
  });

  test('is listened to where it lasts longer', async () => {
    expect((await textOf(1760)).encoded.length).toBeGreaterThan(0);
  });
});
