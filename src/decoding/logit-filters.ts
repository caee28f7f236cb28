import { forbidMisplaced, isTimestampDue, type TimestampRules, timestampSeconds } from '../logits/timestamp-rules.ts';
import type { DecodingOptions } from './options.ts';
import type { DecodingRules } from './rules.ts';

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

/** Timestamps where they belong. */
export function timestampFilter(rules: TimestampRules): LogitFilter {
  return {
    apply(logits, sampled) {
      forbidMisplaced(logits, sampled, rules);
      if (isTimestampDue(logits, rules.timestampBegin)) logits.fill(none, 0, rules.timestampBegin);
    },
  };
}

/** All that hold for a text, in the order in which they are applied. */
export function logitFilters(rules: DecodingRules, options: DecodingOptions): LogitFilter[] {
  const { suppressTokens: always, beginSuppressTokens } = rules;
  return [
    suppressAtBegin(beginSuppressTokens),
    suppressTokens([...always, ...options.suppress]),
    ...(options.timestamps ? [timestampFilter(rulesForTimestamps(rules, options))] : []),
  ];
}

export function rulesForTimestamps({ special }: DecodingRules, options: DecodingOptions): TimestampRules {
  const { eot, noTimestamps, timestampBegin } = special;
  const maxInitialIndex = Math.round(options.maxInitialTimestampSeconds / timestampSeconds);
  return { eot, noTimestamps, timestampBegin, maxInitialIndex };
}
