import * as v from 'valibot';
import { segmentSchema } from './segment-schema.ts';
import type { Transcript } from './transcript.ts';

const transcriptSchema = v.object({
  segments: v.array(segmentSchema),
  language: v.nullable(v.string()),
  language_probability: v.optional(v.number()),
  task: v.string(),
  duration: v.number(),
  file: v.string(),
  model: v.string(),
  device: v.string(),
});

/**
 * Reads what the format json wrote, from which every other format can be made.
 *
 * @returns undefined for a text that is none
 */
export function readTranscript(text: string): Transcript | undefined {
  const read = v.safeParse(transcriptSchema, parsed(text));
  if (!read.success) return undefined;
  const { segments, language, language_probability, duration, ...same } = read.output;
  return {
    ...same,
    segments: segments.map((segment) => ({ ...segment, language: segment.language ?? language ?? '' })),
    language: language ?? undefined,
    languageProbability: language_probability,
    audioSeconds: duration,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
