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

/**
 * Sets to -Infinity what may not come next whatever its logit: timestamps stand in pairs around text, never go back, and
 * the first comes first. Source: openai/whisper decoding.py, ApplyTimestampRules.
 *
 * @param logits f32 [nVocab], or a mask of as many, changed in place
 * @param sampled the tokens of the text so far, behind its prompt
 */
export function forbidMisplaced(
  logits: Float32Array,
  sampled: readonly number[],
  { eot, noTimestamps, timestampBegin, maxInitialIndex }: TimestampRules,
): void {
  const forbid = (from: number, to?: number) => logits.fill(Number.NEGATIVE_INFINITY, from, to);
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  forbid(noTimestamps, noTimestamps + 1);
  const last = sampled.at(-1);
  const penultimate = sampled.at(-2);
  const lastIsTimestamp = isTimestamp(last);
  if (lastIsTimestamp) {
    if (sampled.length < 2 || isTimestamp(penultimate)) forbid(timestampBegin);
    else forbid(0, eot);
  }
  const latest = sampled.findLast((token) => token >= timestampBegin);
  if (latest !== undefined) {
    // A time that has just ended a stretch may be repeated to begin the next one; no other may.
    const mayRepeat = lastIsTimestamp && sampled.length >= 2 && !isTimestamp(penultimate);
    forbid(timestampBegin, mayRepeat ? latest : latest + 1);
  }
  if (sampled.length === 0) {
    forbid(0, timestampBegin);
    forbid(timestampBegin + maxInitialIndex + 1);
  }
}

/** Whether all timestamps together are likelier than any other token, so that one of them comes next. Same source. */
export function isTimestampDue(logits: Float32Array, timestampBegin: number): boolean {
  return logSumExp(logits, timestampBegin) > max(logits, 0, timestampBegin);
}
