import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storeDirectory } from '../../src/model/store.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import type { SpeechModel } from '../../src/vad/speech-model.ts';
import { built } from '../support/build-dist.ts';
import { hangLimitMs } from '../support/hang-limit.ts';
import { models } from '../support/models.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import { recordingOf, samplesOf } from '../support/recordings.ts';
import { shared } from '../support/shared.ts';

// Built, because the CPU backend starts a worker thread from the file beside its own.
type OpenModel = typeof import('../../src/setup/open-model.ts');
type Silero = typeof import('../../src/backend/cpu/silero.ts');

const rate = 16_000;
/** `WHISPER_NPU_TEST_RECORDINGS=500` tries as many, others every time; without it a few are tried, always the same. */
const asked = process.env['WHISPER_NPU_TEST_RECORDINGS'];
const runs = asked === undefined ? { numRuns: 2, seed: 1 } : { numRuns: Number(asked) };
/** As many as somebody asked for take as long as they take. */
const limitMs = asked === undefined ? hangLimitMs : 0;
/** How far words may lie outside of their speech. */
const toleranceSeconds = 0.3;

/** A piece of a recording: silence of a length, longer than pauses that the detector takes for speech, then something said. */
interface Piece {
  readonly silenceSeconds: number;
  readonly gainDb: number;
}

const pieces = fc.array(
  fc.record({
    silenceSeconds: fc.oneof(fc.double({ min: 0.7, max: 4, noNaN: true }), fc.double({ min: 4, max: 60, noNaN: true })),
    gainDb: fc.double({ min: -12, max: 0, noNaN: true }),
  }),
  { minLength: 1, maxLength: 3 },
);

/** How it is listened to. A clip holds one of the pieces. */
const ways = fc.record({
  words: fc.boolean(),
  way: fc.oneof(
    fc.record({ kind: fc.constant('speech' as const), batchSize: fc.constantFrom(1, 1, 3) }),
    fc.record({ kind: fc.constant('clip' as const), piece: fc.nat(2) }),
  ),
  startSeconds: fc.constantFrom(0, 0, 7.5),
  firstSaying: fc.nat(20),
});

interface Span {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

describe.skipIf(models.base === undefined)('of speech between silences, wherever it is', () => {
  let model: LoadedModel;
  let speechModel: SpeechModel;
  /** What is said, never the same twice in a row: a model writes once what is said again and again. */
  let sayings: readonly Float32Array[];
  beforeAll(async () => {
    const { openModel } = (await import(built('setup/open-model.js'))) as OpenModel;
    const { openSilero } = (await import(built('backend/cpu/silero.js'))) as Silero;
    const context = { storeDirectory: storeDirectory(process.env), env: process.env, offline: true };
    model = await openModel({ model: models.base ?? '', device: { kind: 'cpu' }, dtype: 'int8', context, threads: 2 });
    speechModel = await openSilero();
    const sentence = withoutQuietEnds(await samplesOf('samples/espeak-en-16k.wav'));
    const parts = [sentence.subarray(0, 2.6 * rate), sentence.subarray(2.6 * rate)];
    const clips = shared === undefined ? [] : ['jfk', 'austen-0870', 'austen-0880'];
    const recordings = await Promise.all(clips.map((clip) => samplesOf(join(shared ?? '', 'audio', `${clip}.wav`))));
    sayings = [...recordings, sentence, ...parts].map(withoutQuietEnds);
  });
  afterAll(() => model?.[Symbol.asyncDispose]());

  function recorded(list: readonly Piece[], firstSaying: number): { samples: Float32Array; spans: Span[] } {
    const said = list.map((_, i) => sayings[(firstSaying + i) % sayings.length] as Float32Array);
    const silent = list.reduce((sum, { silenceSeconds }) => sum + Math.round(silenceSeconds * rate), 0);
    const length = said.reduce((sum, saying) => sum + saying.length, silent + rate);
    const samples = randomValues(length, 3).map((value) => value * 2e-4);
    const spans: Span[] = [];
    let at = 0;
    for (const [i, { silenceSeconds, gainDb }] of list.entries()) {
      at += Math.round(silenceSeconds * rate);
      const start = at;
      for (const value of said[i] as Float32Array) {
        samples[at] = (samples[at] as number) + value * 10 ** (gainDb / 20);
        at++;
      }
      spans.push({ startSeconds: start / rate, endSeconds: at / rate });
    }
    return { samples, spans };
  }

  test(
    'each sentence is heard, its words lie in it, and no segment spans silence that was taken out',
    async () => {
      const property = fc.asyncProperty(pieces, ways, async (list, { words, way, startSeconds, firstSaying }) => {
        const { samples, spans } = recorded(list, firstSaying);
        const heard = way.kind === 'clip' ? [spans[way.piece % spans.length] as Span] : spans;
        const moved = heard.map((span) => ({
          startSeconds: span.startSeconds + startSeconds,
          endSeconds: span.endSeconds + startSeconds,
        }));
        const options: TranscribeOptions =
          way.kind === 'speech'
            ? { speech: { model: speechModel }, batchSize: way.batchSize }
            : {
                clips: moved.map((span) => ({
                  startSeconds: span.startSeconds - 0.1,
                  endSeconds: span.endSeconds + 0.1,
                })),
              };
        const recording = { ...recordingOf(samples), offsetSeconds: startSeconds };
        const segments: Segment[] = [];
        const asked = { language: 'en', timestamps: true, wordTimestamps: words, temperatures: [0], ...options };
        for await (const segment of transcribe(model, recording, asked)) segments.push(segment);
        const said = segments
          .map((segment) => `${segment.startSeconds} ${segment.endSeconds}${segment.text}`)
          .join('\n');
        for (const span of moved)
          expect(
            sum(segments.map((segment) => Math.max(0, overlapSeconds(segment, span)))) > overlapSeconds(span, span) / 2,
            `${span.startSeconds} to ${span.endSeconds} is heard in\n${said}\n`,
          ).toBe(true);
        // Detected speech is padded by 0.4 s, and shorter silence than 2 s is part of it.
        for (const segment of segments)
          expect(spannedSilence(segment, moved)).toBeLessThan(way.kind === 'clip' ? 0.3 : 2.5);
        for (const word of segments.flatMap((segment) => segment.words ?? []))
          expect(
            lieWithin(word, moved, toleranceSeconds),
            `${word.text} ${word.startSeconds} ${word.endSeconds} lies in ${JSON.stringify(moved)}`,
          ).toBe(true);
      });
      await fc.assert(property, { ...runs, endOnFailure: true });
    },
    limitMs,
  );
});

function lieWithin(part: Span, spans: readonly Span[], toleranceSeconds: number): boolean {
  return spans.some(
    (span) =>
      part.startSeconds >= span.startSeconds - toleranceSeconds &&
      part.endSeconds <= span.endSeconds + toleranceSeconds,
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function overlapSeconds(a: Span, b: Span): number {
  return Math.min(a.endSeconds, b.endSeconds) - Math.max(a.startSeconds, b.startSeconds);
}

/** The longest silence between two stretches of speech that a segment reaches over. */
function spannedSilence(segment: Span, spans: readonly Span[]): number {
  const gaps = spans.slice(1).map((span, i) => ({
    startSeconds: (spans[i] as Span).endSeconds,
    endSeconds: span.startSeconds,
  }));
  const inside = gaps.filter((gap) => segment.startSeconds < gap.startSeconds && segment.endSeconds > gap.endSeconds);
  return Math.max(0, ...inside.map((gap) => gap.endSeconds - gap.startSeconds));
}

function withoutQuietEnds(samples: Float32Array): Float32Array {
  const isLoud = (value: number) => Math.abs(value) > 0.02;
  return samples.slice(samples.findIndex(isLoud), samples.findLastIndex(isLoud) + 1);
}
