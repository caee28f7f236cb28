import { logSumExp, max } from './log-softmax.ts';

const none = Number.NEGATIVE_INFINITY;

/** Takes tokens out of the choice by setting their logits to -Infinity. */
export interface LogitFilter {
  /**
   * @param logits f32 [nVocab], changed in place
   * @param sampled the tokens of the text so far, behind its prompt
   */
  apply(logits: Float32Array, sampled: readonly number[]): void;
}

/** Tokens that are never chosen. */
export function suppressTokens(tokens: readonly number[]): LogitFilter {
  return {
    apply(logits) {
      for (const token of tokens) logits[token] = none;
    },
  };
}

/** Tokens that a text does not begin with: the blank and the end. */
export function suppressAtBegin(tokens: readonly number[]): LogitFilter {
  return {
    apply(logits, sampled) {
      if (sampled.length === 0) for (const token of tokens) logits[token] = none;
    },
  };
}

export interface TimestampTokens {
  readonly eot: number;
  readonly noTimestamps: number;
  readonly timestampBegin: number;
  /** The latest time a text may begin with, in steps of 0.02 s. */
  readonly maxInitialIndex: number;
}

/**
 * Timestamps stand in pairs around text, never go back, and the first comes first; where they are together likelier than
 * any text, one of them is due. Source: openai/whisper decoding.py, ApplyTimestampRules.
 */
export function timestampRules({ eot, noTimestamps, timestampBegin, maxInitialIndex }: TimestampTokens): LogitFilter {
  const isTimestamp = (token: number | undefined) => token !== undefined && token >= timestampBegin;
  return {
    apply(logits, sampled) {
      logits[noTimestamps] = none;
      const last = sampled.at(-1);
      const penultimate = sampled.at(-2);
      const lastIsTimestamp = isTimestamp(last);
      if (lastIsTimestamp) {
        if (sampled.length < 2 || isTimestamp(penultimate)) logits.fill(none, timestampBegin);
        else logits.fill(none, 0, eot);
      }
      const latest = sampled.findLast((token) => token >= timestampBegin);
      if (latest !== undefined) {
        // A time that has just ended a stretch may be repeated to begin the next one; no other may.
        const mayRepeat = lastIsTimestamp && sampled.length >= 2 && !isTimestamp(penultimate);
        logits.fill(none, timestampBegin, mayRepeat ? latest : latest + 1);
      }
      if (sampled.length === 0) {
        logits.fill(none, 0, timestampBegin);
        logits.fill(none, timestampBegin + maxInitialIndex + 1);
      }
      const timestamps = logSumExp(logits, timestampBegin);
      if (timestamps > max(logits, 0, timestampBegin)) logits.fill(none, 0, timestampBegin);
    },
  };
}
