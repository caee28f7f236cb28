import type { GenerationConfig } from '../model/generation.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';
import { suppressMask } from './suppress.ts';

/** Which tokens a model suppresses, and how long a sequence may be. */
export interface DecodingRules {
  readonly special: SpecialTokens;
  /** Tokens that are always suppressed, and those that are suppressed at the beginning. */
  readonly suppressTokens: readonly number[];
  readonly beginSuppressTokens: readonly number[];
  /** Masks to add to logits, f32 [nVocab], 0 or -Infinity: both lists for the first token, the first list for all others. */
  readonly beginSuppress: Float32Array;
  readonly suppress: Float32Array;
  /** The most tokens of a sequence, including prompt and end token. */
  readonly maxLength: number;
}

/** Makes the rules of a checkpoint's generation config; once per model. */
export function decodingRules(special: SpecialTokens, generation: GenerationConfig): DecodingRules {
  const { suppressTokens, beginSuppressTokens, maxLength } = generation;
  return {
    special,
    suppressTokens,
    beginSuppressTokens,
    suppress: suppressMask(special.nVocab, suppressTokens),
    beginSuppress: suppressMask(special.nVocab, [...suppressTokens, ...beginSuppressTokens]),
    maxLength,
  };
}
