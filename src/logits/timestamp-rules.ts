import { logSumExp, max } from './log-softmax.ts';

/** Seconds from one timestamp token to the next. */
export const timestampSeconds = 0.02;

/** What Whisper's rules for timestamps need to know of a vocabulary, and of a window. */
export interface TimestampRules {
  readonly eot: number;
  readonly noTimestamps: number;
  readonly timestampBegin: number;
  /** The latest time a text may begin with, in steps of `timestampSeconds`. */
  readonly maxInitialIndex: number;
}

/** Tokens from `from` to before `end`. */
interface TokenRange {
  readonly from: number;
  readonly end: number;
}

/** What may come next, by tokens before the timestamps and timestamps. */
export interface AllowedRanges {
  readonly text: TokenRange;
  readonly times: TokenRange;
}

/**
 * What may come next whatever its logit, but for the token for no timestamps: timestamps stand in pairs around text, never go
 * back, and the first comes first. Source: openai/whisper decoding.py, ApplyTimestampRules.
 *
 * @param sampled the tokens of the text so far, behind its prompt
 */
export function allowedRanges(
  sampled: readonly number[],
  { eot, timestampBegin, maxInitialIndex }: TimestampRules,
  nVocab: number,
): AllowedRanges {
  const range = (from: number, end: number): TokenRange => ({ from, end });
  const none = range(nVocab, nVocab);
  if (sampled.length === 0)
    return {
      text: range(timestampBegin, timestampBegin),
      times: range(timestampBegin, Math.min(timestampBegin + maxInitialIndex + 1, nVocab)),
    };
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  const lastIsTimestamp = isTimestamp(sampled.at(-1));
  const endsStretch = lastIsTimestamp && sampled.length >= 2 && !isTimestamp(sampled.at(-2));
  const text = range(endsStretch ? eot : 0, timestampBegin);
  if (lastIsTimestamp && !endsStretch) return { text, times: none };
  const latest = sampled.findLast((token) => token >= timestampBegin);
  if (latest === undefined) return { text, times: range(timestampBegin, nVocab) };
  // A time that has just ended a stretch may be repeated to begin the next one; no other may.
  return { text, times: range(endsStretch ? latest : latest + 1, nVocab) };
}

/**
 * Sets to -Infinity what may not come next whatever its logit.
 *
 * @param logits f32 [nVocab], or a mask of as many, changed in place
 * @param sampled the tokens of the text so far, behind its prompt
 */
export function forbidMisplaced(logits: Float32Array, sampled: readonly number[], rules: TimestampRules): void {
  const { text, times } = allowedRanges(sampled, rules, logits.length);
  const forbid = (from: number, end?: number) => logits.fill(Number.NEGATIVE_INFINITY, from, end);
  forbid(rules.noTimestamps, rules.noTimestamps + 1);
  forbid(0, text.from);
  forbid(rules.timestampBegin, times.from);
  forbid(times.end);
}

/** Whether all timestamps together are likelier than any other token, so that one of them comes next. Same source. */
export function isTimestampDue(logits: Float32Array, timestampBegin: number): boolean {
  return logSumExp(logits, timestampBegin) > max(logits, 0, timestampBegin);
}
