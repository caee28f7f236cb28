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

/** A segment as `segmentJson()` writes it, for those who read what others may have written. */
export const segmentSchema = v.pipe(
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
    /** Absent where it is the recording's. */
    language: v.optional(v.string()),
    words: v.optional(v.array(word)),
  }),
  v.transform(
    ({
      start,
      end,
      avg_logprob,
      compression_ratio,
      no_speech_prob,
      words,
      language,
      ...same
    }): Omit<Segment, 'language'> & { readonly language: string | undefined } => ({
      ...same,
      language,
      startSeconds: start,
      endSeconds: end,
      avgLogprob: avg_logprob,
      compressionRatio: compression_ratio,
      ...(no_speech_prob === null ? {} : { noSpeechProb: no_speech_prob }),
      ...(words === undefined ? {} : { words }),
    }),
  ),
);
