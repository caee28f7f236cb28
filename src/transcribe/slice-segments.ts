import type { DecodingResult } from '../decoding/decode.ts';
import { timestampSeconds } from '../logits/timestamp-rules.ts';
import type { WhisperTokenizer } from '../model/tokenizer.ts';
import type { SpeechTimes } from '../vad/speech-times.ts';
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

/** A voice that goes on behind a last timestamp for less than this may be what ended there: neither is so exact. */
const leastGoingOnSeconds = 2;
/** A shorter sound behind a pause is not worth another look at the window, in which a model may repeat itself. */
const leastNewSeconds = 0.5;
/** Windows begin at least this far from one another, or a model that invents short texts would be asked for ever. */
const leastHeardFrames = framesPerSecond;

/**
 * Frames until the next window begins, in a recording of nothing but speech. By openai/whisper's rule nobody speaks behind a last
 * timestamp; where the detector heard a voice there, that is not believed, and the next window begins there.
 *
 * @param advance by that rule
 */
export function advanceThroughSpeech(
  advance: number,
  { heard, drafts }: SlicedWindow,
  { seek, size }: WindowRange,
  times: SpeechTimes,
): number {
  if (advance < size || heard < leastHeardFrames || drafts.length === 0) return advance;
  const voices = times.voicesBetween((seek + heard) / framesPerSecond, (seek + size) / framesPerSecond);
  const isUnheard = voices.some(
    ({ startSeconds, endSeconds, begins }) =>
      endSeconds - startSeconds >= (begins ? leastNewSeconds : leastGoingOnSeconds),
  );
  return isUnheard ? heard : advance;
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
