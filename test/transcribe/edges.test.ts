import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { looped, recordingOf, samplesOf } from '../support/recordings.ts';

type Library = typeof import('../../src/index.ts');
const { loadModel, openSilero, transcribe } = (await import(built('index.js'))) as Library;
const sample = fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url));

describe.skipIf(models.tinyEn === undefined)('whisper-tiny.en on recordings of awkward lengths', () => {
  let model: LoadedModel;
  let speech: Float32Array;
  beforeAll(async () => {
    model = await loadModel({ model: models.tinyEn ?? '', device: 'cpu', offline: true, threads: 2 });
    speech = await samplesOf(join(sample));
  });
  afterAll(() => model?.[Symbol.asyncDispose]());

  async function segmentsOf(samples: Float32Array, options: TranscribeOptions): Promise<Segment[]> {
    const segments: Segment[] = [];
    for await (const segment of transcribe(model, recordingOf(samples), options)) segments.push(segment);
    expectSound(segments, samples.length / 16_000);
    return segments;
  }

  /** What holds of any transcript. */
  function expectSound(segments: readonly Segment[], audioSeconds: number): void {
    let time = 0;
    for (const [i, { id, startSeconds, endSeconds, text, words }] of segments.entries()) {
      expect(id).toBe(i);
      expect(text.trim()).not.toBe('');
      expect(text).not.toContain('�');
      expect(startSeconds).toBeGreaterThanOrEqual(time - 1e-6);
      expect(endSeconds).toBeGreaterThan(startSeconds);
      expect(endSeconds).toBeLessThanOrEqual(audioSeconds + 0.02); // the step of a timestamp
      time = startSeconds;
      if (words === undefined) continue;
      expect(words.map((word) => word.text).join('')).toBe(text);
      for (const word of words) {
        expect(word.endSeconds).toBeGreaterThanOrEqual(word.startSeconds);
        expect(word.probability).toBeGreaterThanOrEqual(0);
        expect(word.probability).toBeLessThanOrEqual(1);
      }
    }
  }

  const ways: readonly (readonly [string, TranscribeOptions])[] = [
    ['as text', {}],
    ['with times', { timestamps: true }],
    ['with word times', { wordTimestamps: true }],
  ];

  describe.each(ways)('%s', (_, options) => {
    test.each([0, 1, 100, 160, 399, 8000])('hears nothing in %i samples of silence', async (length) => {
      expect(await segmentsOf(new Float32Array(length), options)).toEqual([]);
    });

    test.each([1, 100, 160])('makes nothing up about %i samples of speech', async (length) => {
      const segments = await segmentsOf(speech.slice(20_000, 20_000 + length), options);
      expect(segments.length).toBeLessThanOrEqual(1);
    });

    test.each([
      [29.99, 479_840],
      [30, 480_000],
      [30.01, 480_160],
    ])('hears what is said at the end of %f s', async (_seconds, length) => {
      const samples = new Float32Array(length);
      samples.set(speech, length - speech.length);
      const segments = await segmentsOf(samples, options);
      const text = segments
        .map((segment) => segment.text)
        .join('')
        .toLowerCase();
      expect(text.match(/fraction of a second/g)?.length).toBe(1);
    });
  });

  test('hears nothing in a minute of silence, whether or not speech is told from it first', async () => {
    await using speechModel = await openSilero();
    const silence = new Float32Array(60 * 16_000);
    for (const options of [{}, { speech: { model: speechModel } }, { speech: { model: speechModel }, batchSize: 4 }])
      expect(await segmentsOf(silence, options)).toEqual([]);
  });

  test('puts what is said behind a minute of silence where it is said', async () => {
    await using speechModel = await openSilero();
    const samples = new Float32Array(60 * 16_000 + speech.length);
    samples.set(speech, 60 * 16_000);
    for (const batchSize of [1, 4]) {
      const segments = await segmentsOf(samples, { speech: { model: speechModel }, batchSize, timestamps: true });
      expect(segments[0]?.startSeconds).toBeGreaterThan(59);
      expect(segments[0]?.startSeconds).toBeLessThan(61);
      expect(
        segments
          .map(({ text }) => text)
          .join('')
          .toLowerCase(),
      ).toContain('fraction of a second');
    }
  });

  test('keeps to its clips', async () => {
    const samples = looped(speech, 40 * 16_000);
    const clips = [
      { startSeconds: 5.6, endSeconds: 11.2 },
      { startSeconds: 22.4, endSeconds: 28 },
    ];
    const segments = await segmentsOf(samples, { clips });
    expect(segments.length).toBeGreaterThanOrEqual(2);
    for (const { startSeconds, endSeconds } of segments)
      expect(clips.some((clip) => startSeconds >= clip.startSeconds && endSeconds <= clip.endSeconds + 0.02)).toBe(
        true,
      );
  });
});
