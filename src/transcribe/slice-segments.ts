import type { DecodingResult } from '../decoding/decode.ts';
import { timestampSeconds } from '../logits/timestamp-rules.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import type { Word } from './segment.ts';

/** Frames of 10 ms in one step of a timestamp token. */
export const framesPerTimestamp = 2;
export const framesPerSecond = 100;

/** A window of a recording, in frames of 10 ms. */
export interface WindowRange {
  readonly seek: number;
  /** Frames of the recording in it; what is left of 30 s is padding. */
  readonly size: number;
}

/** A segment while its times may still move. */
export interface Draft {
  startSeconds: number;
  endSeconds: number;
  readonly text: string;
  readonly tokens: readonly number[];
  words?: Word[];
}

export interface SlicedWindow {
  readonly drafts: Draft[];
  /** Frames until the next window begins. */
  readonly advance: number;
  /** Frames up to the last timestamp, where there is one behind text: what lies behind it says nothing, or was not heard. */
  readonly heard: number;
  /** Whether the text ends with a single timestamp: nothing is said behind it. */
  readonly endsWithSingleTimestamp: boolean;
}

/** Less than this is not worth another look at a window: an end is foretold about as well as that. */
const leastUnheardFrames = framesPerSecond;

/**
 * Frames until the next window begins, in a recording of nothing but speech: what lies behind a last timestamp has not been
 * heard, and openai/whisper's rule that nobody speaks there cannot be true.
 */
export function advanceThroughSpeech(advance: number, { heard, drafts }: SlicedWindow, size: number): number {
  const isUnheard = drafts.length > 0 && heard >= leastUnheardFrames && size - heard >= leastUnheardFrames;
  return advance === size && isUnheard ? heard : advance;
}

/**
 * Cuts a window's text at its pairs of timestamps; what stands behind the last pair is left to the next window, which
 * begins there. Source: openai/whisper transcribe.py, the main loop.
 */
export function sliceSegments(
  { tokens }: Pick<DecodingResult, 'tokens'>,
  { seek, size }: WindowRange,
  tokenizer: WhisperTokenizer,
): SlicedWindow {
  const { timestampBegin } = tokenizer.special;
  const isTimestamp = (at: number) => (tokens.at(at) ?? -1) >= timestampBegin;
  const steps = (token: number | undefined) => (token ?? timestampBegin) - timestampBegin;
  const offsetSeconds = seek / framesPerSecond;
  const draft = (part: readonly number[], startSteps: number, endSeconds: number): Draft => ({
    startSeconds: offsetSeconds + startSteps * timestampSeconds,
    endSeconds: offsetSeconds + endSeconds,
    text: tokenizer.decode(part),
    tokens: part,
  });

  const endsWithSingleTimestamp = tokens.length > 1 && !isTimestamp(-2) && isTimestamp(-1);
  const cuts = tokens.flatMap((_, i) => (i > 0 && isTimestamp(i - 1) && isTimestamp(i) ? [i] : []));
  if (cuts.length === 0) {
    const last = tokens.findLast((token) => token >= timestampBegin);
    const endSeconds =
      last === undefined || last === timestampBegin ? size / framesPerSecond : steps(last) * timestampSeconds;
    const heard = endsWithSingleTimestamp ? Math.min(size, steps(tokens.at(-1)) * framesPerTimestamp) : size;
    return { drafts: [draft(tokens, 0, endSeconds)], advance: size, heard, endsWithSingleTimestamp };
  }
  const ends = endsWithSingleTimestamp ? [...cuts, tokens.length] : cuts;
  const drafts = ends.map((end, i) => {
    const part = tokens.slice(i === 0 ? 0 : ends[i - 1], end);
    return draft(part, steps(part[0]), steps(part.at(-1)) * timestampSeconds);
  });
  const heard = Math.min(size, steps(tokens[(ends.at(-1) as number) - 1]) * framesPerTimestamp);
  return { drafts, advance: endsWithSingleTimestamp ? size : heard, heard, endsWithSingleTimestamp };
}
