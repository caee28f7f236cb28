import { logSumExp, topK } from './log-softmax.ts';
import { isTimestampDue, maskDisallowed, type TimestampRules } from './timestamp-rules.ts';

/** A token that may come next. */
export interface Candidate {
  readonly token: number;
  /** Its log-probability among the allowed tokens; -Infinity where it is none of them. */
  readonly logprob: number;
}

/** Which tokens may come next in a sequence. */
export interface AllowedTokens {
  /** Added to the logits, f32 [nVocab], 0 or -Infinity. */
  readonly suppress: Float32Array;
  /** Applies Whisper's timestamp rules; without it, timestamps are tokens like others. */
  readonly timestamps?: {
    readonly rules: TimestampRules;
    /** The tokens of the sequence so far, behind its prompt. */
    readonly sampled: readonly number[];
  };
}

/**
 * The likeliest tokens, likeliest first, the first of equals first.
 *
 * @param logits f32 [nVocab], changed in place
 * @param count at most nVocab
 */
export function likeliestCandidates(
  logits: Float32Array,
  count: number,
  { suppress, timestamps }: AllowedTokens,
): Candidate[] {
  for (let i = 0; i < logits.length; i++) (logits[i] as number) += suppress[i] as number;
  if (timestamps !== undefined) {
    const { rules, sampled } = timestamps;
    maskDisallowed(logits, sampled, rules);
    if (isTimestampDue(logits, rules.timestampBegin)) logits.fill(Number.NEGATIVE_INFINITY, 0, rules.timestampBegin);
  }
  const norm = logSumExp(logits);
  return topK(logits, count).map((token) => ({ token, logprob: (logits[token] as number) - norm }));
}
