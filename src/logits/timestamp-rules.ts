import { logSumExp, max } from './log-softmax.ts';

/** Seconds from one timestamp token to the next. */
export const timestampSeconds = 0.02;

/** The parameters of Whisper's timestamp rules: special tokens of the vocabulary, and the limit for the first timestamp. */
export interface TimestampRules {
  readonly eot: number;
  readonly noTimestamps: number;
  readonly timestampBegin: number;
  /** The latest timestamp that a sequence may begin with, as a multiple of `timestampSeconds`. */
  readonly maxInitialIndex: number;
}

/** Tokens from `from` up to `end`, exclusive. */
interface TokenRange {
  readonly from: number;
  readonly end: number;
}

/** Which tokens may come next: a range of those below the timestamps (text and end token), and a range of timestamps. */
export interface AllowedRanges {
  readonly text: TokenRange;
  readonly timestamps: TokenRange;
}

/**
 * Which tokens may come next, whatever their logits: timestamps come in pairs around text (the end of a segment, then the begin of
 * the next one), never decrease, and a sequence begins with one. The token for no timestamps is not considered here.
 * Source: openai/whisper decoding.py, ApplyTimestampRules.
 *
 * @param sampled the tokens of the sequence so far, behind its prompt
 */
export function allowedRanges(
  sampled: readonly number[],
  { eot, timestampBegin, maxInitialIndex }: TimestampRules,
  nVocab: number,
): AllowedRanges {
  const range = (from: number, end: number): TokenRange => ({ from, end });
  const none = range(nVocab, nVocab);
  // A sequence begins with a timestamp, no later than the limit.
  if (sampled.length === 0)
    return {
      text: range(timestampBegin, timestampBegin),
      timestamps: range(timestampBegin, Math.min(timestampBegin + maxInitialIndex + 1, nVocab)),
    };
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const lastIsTimestamp = isTimestamp(sampled.at(-1));
  const endsSegment = lastIsTimestamp && sampled.length >= 2 && !isTimestamp(sampled.at(-2));
  // Behind the end of a segment comes the begin of the next one, or the end token: no text.
  const text = range(endsSegment ? eot : 0, timestampBegin);
  // Behind the begin of a segment comes text, or the end token: no timestamp.
  if (lastIsTimestamp && !endsSegment) return { text, timestamps: none };
  // In or behind text a timestamp may come that is not earlier than the latest one.
  const latest = sampled.findLast((token) => token >= timestampBegin);
  if (latest === undefined) return { text, timestamps: range(timestampBegin, nVocab) };
  // The timestamp that has just ended a segment may be repeated to begin the next one; any other must be later.
  return { text, timestamps: range(endsSegment ? latest : latest + 1, nVocab) };
}

/**
 * Sets the logits of tokens that may not come next to -Infinity.
 *
 * @param logits f32 [nVocab], or a mask of as many, changed in place
 * @param sampled the tokens of the sequence so far, behind its prompt
 */
export function maskDisallowed(logits: Float32Array, sampled: readonly number[], rules: TimestampRules): void {
  const { text, timestamps } = allowedRanges(sampled, rules, logits.length);
  const mask = (from: number, end?: number) => logits.fill(Number.NEGATIVE_INFINITY, from, end);
  mask(rules.noTimestamps, rules.noTimestamps + 1);
  mask(0, text.from);
  mask(rules.timestampBegin, timestamps.from);
  mask(timestamps.end);
}

/** Whether timestamps together are likelier than any other token, so that one of them must come next. Same source. */
export function isTimestampDue(logits: Float32Array, timestampBegin: number): boolean {
  return logSumExp(logits, timestampBegin) > max(logits, 0, timestampBegin);
}
