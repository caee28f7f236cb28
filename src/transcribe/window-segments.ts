import type { EncodedAudio } from '../backend/backend.ts';
import type { DecodingResult } from '../decoding/decode.ts';
import { alignWords } from './alignment.ts';
import { skipHallucinations } from './hallucination.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';
import type { Segment } from './segment.ts';
import {
  type Draft,
  framesPerSecond,
  framesPerTimestamp,
  type SlicedWindow,
  type WindowRange,
} from './slice-segments.ts';
import { placeWords, speechEnd } from './word-times.ts';

/** A window that has been decoded. */
export interface DecodedWindow {
  /** Which of its audio. */
  readonly window: number;
  readonly range: WindowRange;
  readonly result: DecodingResult;
  readonly sliced: SlicedWindow;
  readonly lastSpeechSeconds: number;
  readonly frameCount: number;
}

/** A window's segments with their words, which may move the segments' ends. */
export async function wordedDrafts(
  model: LoadedModel,
  audio: EncodedAudio,
  { window, range, result, sliced, lastSpeechSeconds }: DecodedWindow,
  options: ResolvedOptions,
): Promise<Draft[]> {
  const { eot } = model.rules.special;
  const drafts = sliced.drafts.map((draft) => ({ ...draft }));
  const segments = drafts.map((draft) => draft.tokens.filter((token) => token < eot));
  const text = { segments, language: result.language, task: options.task };
  const words = await alignWords(model, audio, { window, frameCount: range.size }, text, options.signal);
  placeWords(drafts, words, { offsetSeconds: range.seek / framesPerSecond, lastSpeechSeconds }, options);
  return drafts;
}

/** Gives a window's segments their words, which then say better than its timestamps where the next window begins. */
export async function timeWords(
  model: LoadedModel,
  audio: EncodedAudio,
  decoded: DecodedWindow,
  options: ResolvedOptions,
): Promise<{ drafts: readonly Draft[]; advance: number }> {
  const { range, sliced, lastSpeechSeconds, frameCount } = decoded;
  const { endsWithSingleTimestamp } = sliced;
  const drafts = await wordedDrafts(model, audio, decoded, options);
  const offsetSeconds = range.seek / framesPerSecond;
  const end = speechEnd(drafts);
  const isTrusted = !endsWithSingleTimestamp && end !== undefined && end > offsetSeconds;
  const advance = isTrusted ? Math.round(end * framesPerSecond) - range.seek : sliced.advance;
  if (options.hallucinationSilenceSeconds === undefined) return { drafts, advance };
  const worded = { drafts, range, endsWithSingleTimestamp, lastSpeechSeconds, frameCount };
  return skipHallucinations(worded, advance, options.hallucinationSilenceSeconds);
}

/** Where a window's segments stand in its recording. */
export interface SegmentPlace {
  /** Of the first of them. */
  readonly id: number;
  /** Where the window begins, in frames. */
  readonly seek: number;
  /** Where its sound ends, in frames: a model may think of times in the padding behind it. */
  readonly endFrame: number;
}

/** What a window says, within its recording. What lasts no time or says nothing is no segment. */
export function segmentsOf(
  drafts: readonly Draft[],
  result: DecodingResult,
  { id, seek, endFrame }: SegmentPlace,
): Segment[] {
  // The last time that a timestamp can name.
  const lastSeconds = (Math.ceil(endFrame / framesPerTimestamp) * framesPerTimestamp) / framesPerSecond;
  const within = <T extends { readonly startSeconds: number; readonly endSeconds: number }>(part: T): T => ({
    ...part,
    startSeconds: Math.min(part.startSeconds, lastSeconds),
    endSeconds: Math.min(part.endSeconds, lastSeconds),
  });
  const { temperature, avgLogprob, compressionRatio, noSpeechProb, language } = result;
  return drafts
    .map(within)
    .filter(({ startSeconds, endSeconds, text }) => startSeconds !== endSeconds && text.trim() !== '')
    .map(({ startSeconds, endSeconds, text, tokens, words }, i) => ({
      id: id + i,
      seek,
      startSeconds,
      endSeconds,
      text,
      tokens,
      temperature,
      avgLogprob,
      compressionRatio,
      noSpeechProb,
      language,
      ...(words === undefined ? {} : { words: words.map(within) }),
    }));
}
