import type { DecodingOptions } from './options.ts';
import type { DecodingRules } from './rules.ts';

/** Texts that have been begun, one per window, with nothing behind their prompts yet. */
export interface Beginning {
  readonly rules: DecodingRules;
  readonly options: DecodingOptions;
  /** Behind each prompt, f32 [nVocab]; whoever decodes on may change them. */
  readonly logits: readonly Float32Array[];
  /** The end token included. */
  readonly mostTokens: number;
}

/** A text under way. */
export interface Hypothesis {
  /** Behind the prompt; the end token included once it is reached. */
  readonly tokens: readonly number[];
  readonly sumLogprob: number;
}

/** What is decoded next: text i goes on from text `sources[i]` with its last token. */
export interface SearchStep {
  readonly hypotheses: readonly Hypothesis[];
  readonly sources: readonly number[];
  readonly isComplete: boolean;
}

/** Chooses how the texts of one window go on, by what is seen behind each. */
export interface Search<Seen> {
  /** @param hypotheses the texts so far; one empty text to begin with */
  update(hypotheses: readonly Hypothesis[], seen: readonly Seen[]): SearchStep;
  /** The texts to choose the best of, without the end token. */
  finish(hypotheses: readonly Hypothesis[]): Hypothesis[];
}

/** A text without its end token. */
export function withoutEnd({ tokens, sumLogprob }: Hypothesis, eot: number): Hypothesis {
  const end = tokens.indexOf(eot);
  return { tokens: end < 0 ? tokens : tokens.slice(0, end), sumLogprob };
}

/**
 * The likeliest text by mean log-probability, or by the length penalty of Google's translation system where one is given.
 * Source: openai/whisper decoding.py, MaximumLikelihoodRanker.
 */
export function bestText(texts: readonly Hypothesis[], lengthPenalty: number | undefined): Hypothesis {
  const score = ({ tokens, sumLogprob }: Hypothesis) => {
    const length = Math.max(tokens.length, 1);
    return sumLogprob / (lengthPenalty === undefined ? length : ((5 + length) / 6) ** lengthPenalty);
  };
  return texts.reduce((best, text) => (score(text) > score(best) ? text : best));
}
