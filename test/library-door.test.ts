import { describe, expect, test } from 'vitest';
import {
  formats,
  type LoadModelOptions,
  loadModel,
  type OpenPoolOptions,
  type OpenRecordingOptions,
  openPool,
  openRecording,
  type TranscribeOptions,
  transcribe,
} from '../src/index.ts';
import { resolveOptions } from '../src/transcribe/options.ts';

const recording = { samples: async function* () {} } as unknown as Parameters<typeof transcribe>[1];
const model = {} as Parameters<typeof transcribe>[0];
const sample = 'samples/espeak-en-16k.wav';

async function transcribeWith(options: unknown): Promise<void> {
  for await (const _ of transcribe(model, recording, options as TranscribeOptions)) throw new Error('a segment');
}

const refused = (message: string, code = 'OPTION_SENSELESS') =>
  expect.objectContaining({ name: 'UsageError', code, message });

describe('transcribe()', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ task: 'foo' }, 'task is foo: expected transcribe or translate'],
    [{ language: 'klingon' }, 'language is klingon: expected auto, or a language as code, locale or English name'],
    [{ temperatures: 0.5 }, 'temperatures is 0.5: expected a list of numbers from 0 to 1'],
    [{ temperatures: [0, 1.5] }, 'temperatures is 0,1.5: expected a list of numbers from 0 to 1'],
    [{ beamSize: '5' }, "beamSize is the string '5': expected a whole number from 1 to 1024"],
    [{ beamSize: Number.NaN }, 'beamSize is NaN: expected a whole number from 1 to 1024'],
    [{ beamSize: null }, 'beamSize is null: expected a whole number from 1 to 1024'],
    [{ patience: Number.POSITIVE_INFINITY }, 'patience is Infinity: expected a number from 0.1 to 10'],
    [{ wordTimestamps: 'yes' }, 'wordTimestamps is yes: expected true or false'],
    [{ initialPrompt: 7 }, 'initialPrompt is 7: expected a text'],
    [{ hotwords: [7] }, 'hotwords is 7: expected words with commas between them, as Ascend, Kunpeng'],
    [{ onWarning: 'no function' }, 'onWarning is no function: expected a function'],
    [{ signal: {} }, 'signal is an object: expected an AbortSignal'],
    [{ batchSize: 4 }, 'batchSize needs speech: batches are of stretches of speech'],
    [{ speech: {} }, 'speech is an object: expected { model, options }, with a model of openSilero()'],
    [
      { speech: { model: { listen() {} }, options: { threshold: 2 } } },
      'speech.options.threshold is 2: expected a number from 0 to 1',
    ],
  ])('refuses %j', async (options, message) => {
    await expect(transcribeWith(options)).rejects.toThrow(refused(message));
  });

  test.each<[string, string]>([
    ['beamsize', 'did you mean beamSize?'],
    ['beam_size', 'did you mean beamSize?'],
    ['wordTimestamp', 'did you mean wordTimestamps?'],
    ['clipTimestamps', 'did you mean clips?'],
  ])('knows no option %s, and says which is meant', async (name, hint) => {
    const unknown = { code: 'OPTION_UNKNOWN', message: `transcribe() takes no option ${name}`, hint };
    await expect(transcribeWith({ [name]: 5 })).rejects.toMatchObject(unknown);
  });

  test.each([null, 5, 'fast', [1]])('takes an object, not %j', async (options) => {
    await expect(transcribeWith(options)).rejects.toThrow(refused('the options of transcribe() must be an object'));
  });

  test.each([
    ['en-US', 'en'],
    ['EN', 'en'],
    ['German', 'de'],
    ['zh-Hant', 'zh'],
    ['yue', 'yue'],
    ['auto', undefined],
    ['AUTO', undefined],
  ])('takes the language %s for %s', (language, code) => {
    expect(resolveOptions({ language }).language).toBe(code);
  });

  test('warns of what has no effect, and leaves it out', () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const resolved = resolveOptions({
      patience: 2,
      language: 'de',
      languagePerWindow: true,
      temperatures: [0],
      seed: 3,
      hallucinationSilenceSeconds: 2,
      onWarning,
    });
    expect(warnings.sort()).toEqual([
      'hallucinationSilenceSeconds has no effect without wordTimestamps',
      'language has no effect with languagePerWindow',
      'patience has no effect without beamSize above 1',
      'seed has no effect without temperatures above 0',
    ]);
    expect(resolved).toMatchObject({ patience: 1, seed: 0 });
    expect(Object.keys(resolved)).not.toContain('language');
    expect(Object.keys(resolved)).not.toContain('hallucinationSilenceSeconds');
  });
});

describe('openRecording()', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ channel: 'centre' }, 'channel is centre: expected mix, left or right'],
    [{ startSeconds: -1 }, 'startSeconds is -1: expected seconds, m:s or h:m:s'],
    [{ startSeconds: 3, endSeconds: 2 }, 'endSeconds must lie behind startSeconds'],
    [{ inputFormat: 's16le', rate: 10 }, 'rate is 10: expected a whole number from 1000 to 384000'],
  ])('refuses %j', async (options, message) => {
    await expect(openRecording(sample, options as OpenRecordingOptions)).rejects.toThrow(refused(message));
  });

  test('reads raw samples as they are described', async () => {
    await using audio = await openRecording(sample, { inputFormat: 's16le', rate: 8000 });
    let nSamples = 0;
    for await (const block of audio.samples()) nSamples += block.length;
    expect(nSamples).toBeGreaterThan(2 * 5.6 * 16_000); // read at half its rate it is twice as long
  });
});

describe('loadModel()', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ device: 'gpu' }, 'device is gpu: expected auto, cpu, npu or npu:N'],
    [{ threads: 0 }, 'threads is 0: expected a whole number from 1 to 1024'],
    [{ threads: '4' }, "threads is the string '4': expected a whole number from 1 to 1024"],
    [{ dtype: 'int4' }, 'dtype is int4: expected float16, float32 or int8'],
    [{ source: 'ftp' }, 'source is ftp: expected cache, huggingface, hf-mirror, modelscope or pip'],
    [{ model: '' }, 'model is empty: expected a name'],
  ])('refuses %j', async (options, message) => {
    await expect(loadModel(options as LoadModelOptions)).rejects.toThrow(refused(message));
  });

  test('knows no option of the command line that has another name here', async () => {
    const options = { omDir: 'om' } as LoadModelOptions;
    await expect(loadModel(options)).rejects.toMatchObject({
      code: 'OPTION_UNKNOWN',
      hint: 'did you mean omDirectory?',
    });
  });
});

describe('openPool()', () => {
  test.each<[Record<string, unknown>, string]>([
    ...['gpu', 'cpu:2', 'cpu:0x4', 'cpu:2x', 'npu:', 'npu:1,1', 'npu:7-4', 'npu:0-3,2', 'npu:-1'].map(
      (device): [Record<string, unknown>, string] => [
        { device },
        `device is ${device}: expected auto, cpu, cpu:2x4 (engines x threads), npu, npu:0,1,4-7 or npu:all`,
      ],
    ),
    [{ batchSize: 0 }, 'batchSize is 0: expected a whole number from 1 to 256'],
    [{ threads: 0 }, 'threads is 0: expected a whole number from 1 to 1024'],
  ])('refuses %j', async (options, message) => {
    await expect(openPool(options as OpenPoolOptions)).rejects.toThrow(refused(message));
  });
});

test('formats refuse a layout that there is not', () => {
  const transcript = { segments: [] } as unknown as Parameters<typeof formats.srt>[0];
  expect(formats.srt(transcript)).toBe('');
  expect(() => formats.srt(transcript, { maxLineWidth: 0 })).toThrow(
    refused('maxLineWidth is 0: expected a whole number from 1 to 1024'),
  );
});
