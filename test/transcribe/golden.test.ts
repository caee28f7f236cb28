import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeDirectory } from '../../src/model/store.ts';
import type { OpenModelOptions } from '../../src/setup/open-model.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import { built } from '../support/build-dist.ts';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { recordingOf, samplesOf } from '../support/recordings.ts';
import { shared } from '../support/shared.ts';

// Built, because the CPU backend starts a worker thread from the file beside its own.
type OpenModel = typeof import('../../src/setup/open-model.ts');

type GoldenWord = readonly [text: string, start: number, end: number, probability: number];
interface Golden {
  readonly transcribe: {
    readonly language: string;
    readonly segments: readonly {
      readonly seek: number;
      readonly start: number;
      readonly end: number;
      readonly text: string;
      readonly tokens: readonly number[];
      readonly avg_logprob: number;
      readonly no_speech_prob: number;
      readonly compression_ratio: number;
      readonly words: readonly GoldenWord[];
    }[];
  };
  readonly transcribe_no_words: { readonly segments: readonly (readonly [start: number, end: number, text: string])[] };
  readonly short_no_timestamps?: { readonly tokens: readonly number[]; readonly compression_ratio: number };
  readonly beam5_no_timestamps?: { readonly tokens: readonly number[]; readonly avg_logprob: number };
  readonly translate?: { readonly tokens: readonly number[]; readonly text: string };
}

function golden(clip: string): Golden {
  return JSON.parse(readFileSync(join(shared ?? '', 'golden', 'whisper-base', `${clip}.json`), 'utf8'));
}

const short = ['jfk', 'espeak-en-16k', 'espeak-de', 'austen-0870', 'austen-0880'];
const devices = [
  ['the CPU', [...short, 'long'], { device: { kind: 'cpu' }, dtype: 'float32' }],
  ['the stand-in for an NPU', ['jfk', 'espeak-de'], { device: { kind: 'npu', index: 0 }, dtype: 'float32' }],
] as const satisfies readonly (readonly [string, readonly string[], Partial<OpenModelOptions>])[];

/** The results of openai/whisper's `transcribe` for whisper-base: see golden/README.md. */
describe.skipIf(shared === undefined || models.base === undefined).each(devices)(
  'whisper-base on %s transcribes as the reference',
  (_, clips, { device, dtype }) => {
    const isNpu = device.kind === 'npu';
    let store: string;
    let model: LoadedModel;
    beforeAll(async () => {
      if (isNpu && !hasStandIn) return;
      const { openModel } = (await import(built('setup/open-model.js'))) as OpenModel;
      store = isNpu ? await mkdtemp(join(tmpdir(), 'whisper-npu-golden-')) : storeDirectory(process.env);
      const env = { ...process.env, ...(isNpu ? standInEnvironment : {}) };
      const context = { storeDirectory: store, env, offline: true };
      model = await openModel({
        model: models.base ?? '',
        device,
        dtype,
        context,
        threads: 2,
        beams: 5,
        wordTimes: true,
      });
    });
    afterAll(async () => {
      await model?.[Symbol.asyncDispose]();
      if (isNpu && store !== undefined) await rm(store, { recursive: true });
    });

    async function segmentsOf(clip: string, options: TranscribeOptions): Promise<Segment[]> {
      const samples = await samplesOf(join(shared ?? '', 'audio', `${clip}.wav`));
      const segments: Segment[] = [];
      for await (const segment of transcribe(model, recordingOf(samples), { temperatures: [0], ...options }))
        segments.push(segment);
      return segments;
    }

    describe.skipIf(isNpu && !hasStandIn).each(clips)('%s', (clip) => {
      const {
        transcribe: expected,
        transcribe_no_words: plain,
        short_no_timestamps: text,
        beam5_no_timestamps: beams,
        translate,
      } = golden(clip);

      test.skipIf(text === undefined)('as text alone', async () => {
        const [segment, ...others] = await segmentsOf(clip, {});
        expect(segment?.tokens).toEqual(text?.tokens);
        expect(segment?.compressionRatio).toBeCloseTo(text?.compression_ratio ?? 0, 3);
        expect(others).toEqual([]);
      });

      test('in segments', async () => {
        const segments = await segmentsOf(clip, { timestamps: true });
        expect(segments.map(({ startSeconds, endSeconds, text }) => [startSeconds, endSeconds, text])).toEqual(
          plain.segments.map(([start, end, text]) => [expect.closeTo(start, 3), expect.closeTo(end, 3), text]),
        );
      });

      test('in words', async () => {
        const segments = await segmentsOf(clip, { wordTimestamps: true });
        expect(segments.map(({ text, tokens, seek, language }) => ({ text, tokens, seek, language }))).toEqual(
          expected.segments.map(({ text, tokens, seek }) => ({ text, tokens, seek, language: expected.language })),
        );
        const near = (value: number) => expect.closeTo(value, 1);
        for (const [i, segment] of segments.entries()) {
          const wanted = expected.segments[i]!;
          expect(segment.avgLogprob).toBeCloseTo(wanted.avg_logprob, 1);
          expect(segment.noSpeechProb).toBeCloseTo(wanted.no_speech_prob, 1);
          expect(segment.compressionRatio).toBeCloseTo(wanted.compression_ratio, 3);
          expect([segment.startSeconds, segment.endSeconds]).toEqual([near(wanted.start), near(wanted.end)]);
        }
        const words = segments.flatMap((segment) => segment.words ?? []);
        const wanted = expected.segments.flatMap((segment) => segment.words);
        expect(words.map(({ text }) => text)).toEqual(wanted.map(([text]) => text));
        const apart = words.flatMap(({ startSeconds, endSeconds }, i) => {
          const [, start, end] = wanted[i]!;
          return [Math.abs(startSeconds - start), Math.abs(endSeconds - end)];
        });
        expect(Math.max(...apart)).toBeLessThan(0.101);
        expect(apart.filter((seconds) => seconds < 0.021).length).toBeGreaterThanOrEqual(0.95 * apart.length);
        for (const [i, { probability }] of words.entries())
          expect(Math.abs(probability - wanted[i]![3])).toBeLessThan(0.05);
      });

      test.skipIf(beams === undefined)('with five beams', async () => {
        const [segment] = await segmentsOf(clip, { beamSize: 5, timestamps: false });
        expect(segment?.tokens).toEqual(beams?.tokens);
        expect(segment?.avgLogprob).toBeCloseTo(beams?.avg_logprob ?? 0, 2);
      });

      test.skipIf(translate === undefined)('into English', async () => {
        const [segment] = await segmentsOf(clip, { task: 'translate' });
        expect(segment?.tokens).toEqual(translate?.tokens);
        expect(segment?.text.trim()).toBe(translate?.text);
      });
    });
  },
);
