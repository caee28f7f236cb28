import * as v from 'valibot';
import type { Segment } from '../transcribe/segment.ts';

/** A figure that JSON has no number for is null there. */
const figure = v.pipe(
  v.nullable(v.number()),
  v.transform((value) => value ?? Number.NaN),
);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const word = v.pipe(
  v.object({ word: v.string(), start: v.number(), end: v.number(), probability: figure }),
  v.transform(({ word: text, start, end, probability }) => ({
    text,
    startSeconds: start,
    endSeconds: end,
    probability,
  })),
);
const segment = v.pipe(
  v.object({
    id: count,
    seek: count,
    start: v.number(),
    end: v.number(),
    text: v.string(),
    tokens: v.array(count),
    temperature: v.number(),
    avg_logprob: figure,
    compression_ratio: figure,
    no_speech_prob: v.nullable(v.number()),
    language: v.string(),
    words: v.optional(v.array(word)),
  }),
  v.transform(
    ({ start, end, avg_logprob, compression_ratio, no_speech_prob, words, ...same }): Segment => ({
      ...same,
      startSeconds: start,
      endSeconds: end,
      avgLogprob: avg_logprob,
      compressionRatio: compression_ratio,
      ...(no_speech_prob === null ? {} : { noSpeechProb: no_speech_prob }),
      ...(words === undefined ? {} : { words }),
    }),
  ),
);
const news = v.variant('type', [
  v.object({
    type: v.literal('transcript.begin'),
    model: v.string(),
    device: v.string(),
    duration: v.nullable(v.number()),
  }),
  v.object({ type: v.literal('transcript.progress'), seconds: v.number() }),
  v.object({ type: v.literal('transcript.warning'), message: v.string() }),
  v.object({ type: v.literal('transcript.segment'), segment }),
  v.object({
    type: v.literal('transcript.done'),
    language: v.nullable(v.string()),
    language_probability: v.nullable(v.number()),
    duration: v.number(),
  }),
]);
const failure = v.object({ error: v.object({ code: v.nullable(v.string()), message: v.string() }) });

/** What a server says of a recording while it listens to it. */
export type TranscriptNews = v.InferOutput<typeof news>;

/** What a server says where it fails. */
export interface ServerFailure {
  readonly code: string;
  readonly message: string;
}

/** @returns undefined for what is neither */
export function readNews(text: string): TranscriptNews | { readonly failure: ServerFailure } | undefined {
  const value = parsed(text);
  const told = v.safeParse(news, value);
  if (told.success) return told.output;
  const failed = readFailure(text);
  return failed === undefined ? undefined : { failure: failed };
}

/** @returns undefined where the text is something else */
export function readFailure(text: string): ServerFailure | undefined {
  const read = v.safeParse(failure, parsed(text));
  if (!read.success) return undefined;
  const { code, message } = read.output.error;
  return { code: (code ?? 'internal_error').toUpperCase(), message };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
