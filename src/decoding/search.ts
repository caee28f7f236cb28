import type { DecodingOptions } from './options.ts';
import type { DecodingRules } from './rules.ts';

/** The start of a search: one sequence per window, of which only the prompt has been decoded. */
export interface SearchStart {
  readonly rules: DecodingRules;
  readonly options: DecodingOptions;
  /** The logits behind each prompt, f32 [nVocab] each; the search may change them. */
  readonly logits: readonly Float32Array[];
  /** The most new tokens of a sequence, including the end token. */
  readonly maxTokens: number;
}

/** A hypothesis of the search: the tokens of a sequence and their log-probability. */
export interface Hypothesis {
  /** The tokens behind the prompt, including the end token once it is reached. */
  readonly tokens: readonly number[];
  readonly sumLogprob: number;
}

/** The next step: hypothesis i continues the former hypothesis `parents[i]` with its last token. */
export interface SearchStep {
  readonly hypotheses: readonly Hypothesis[];
  readonly parents: readonly number[];
  readonly isComplete: boolean;
}

/** A search strategy for one window. @template Scores what it knows of the next tokens: logits, or candidates */
export interface Search<Scores> {
  /**
   * Extends the hypotheses by one token each.
   *
   * @param hypotheses those so far; a single empty one at first
   * @param scores for each hypothesis, of the tokens that may come next
   */
  update(hypotheses: readonly Hypothesis[], scores: readonly Scores[]): SearchStep;
  /** The hypotheses of which the best is taken, without the end token. */
  finish(hypotheses: readonly Hypothesis[]): Hypothesis[];
}

/** A hypothesis without its end token. */
export function withoutEnd({ tokens, sumLogprob }: Hypothesis, eot: number): Hypothesis {
  const end = tokens.indexOf(eot);
  return { tokens: end < 0 ? tokens : tokens.slice(0, end), sumLogprob };
}

/**
 * The best hypothesis by mean log-probability, or by the length penalty of Google's translation system where one is given.
 * Source: openai/whisper decoding.py, MaximumLikelihoodRanker.
 */
export function bestHypothesis(hypotheses: readonly Hypothesis[], lengthPenalty: number | undefined): Hypothesis {
  const score = ({ tokens, sumLogprob }: Hypothesis) => {
    const length = Math.max(tokens.length, 1);
    return sumLogprob / (lengthPenalty === undefined ? length : ((5 + length) / 6) ** lengthPenalty);
  };
  return hypotheses.reduce((best, hypothesis) => (score(hypothesis) > score(best) ? hypothesis : best));
}
