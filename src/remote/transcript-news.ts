import * as v from 'valibot';
import { segmentSchema } from '../output/segment-schema.ts';
import type { Segment } from '../transcribe/segment.ts';

/** Where nothing goes without saying, each segment says its language. */
const segment = v.pipe(
  segmentSchema,
  v.check(({ language }) => language !== undefined),
  v.transform((read): Segment => ({ ...read, language: read.language ?? '' })),
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
