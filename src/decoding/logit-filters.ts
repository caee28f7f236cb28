import { isTimestampDue, maskDisallowed, type TimestampRules, timestampSeconds } from '../logits/timestamp-rules.ts';
import type { DecodingOptions } from './options.ts';
import type { DecodingRules } from './rules.ts';

const masked = Number.NEGATIVE_INFINITY;

/** Masks tokens by setting their logits to -Infinity. */
export interface LogitFilter {
  /**
   * @param logits f32 [nVocab], changed in place
   * @param sampled the tokens of the sequence so far, behind its prompt
   */
  apply(logits: Float32Array, sampled: readonly number[]): void;
}

/** Masks the tokens always. */
export function suppressTokens(tokens: readonly number[]): LogitFilter {
  return {
    apply(logits) {
      for (const token of tokens) logits[token] = masked;
    },
  };
}

/** Masks the tokens at the beginning of a sequence: the blank and the end token. */
export function suppressAtBegin(tokens: readonly number[]): LogitFilter {
  return {
    apply(logits, sampled) {
      if (sampled.length === 0) for (const token of tokens) logits[token] = masked;
    },
  };
}

/** Applies the timestamp rules. */
export function timestampFilter(rules: TimestampRules): LogitFilter {
  return {
    apply(logits, sampled) {
      maskDisallowed(logits, sampled, rules);
      if (isTimestampDue(logits, rules.timestampBegin)) logits.fill(masked, 0, rules.timestampBegin);
    },
  };
}

/** All filters for the options, in the order in which they are applied. */
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
