import type { GenerationConfig } from '../model/generation.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';
import { suppressMask } from './suppress.ts';

/** What a model forbids and how much it can write. */
export interface DecodingRules {
  readonly special: SpecialTokens;
  /** Tokens that are never chosen, and those that a text does not begin with. */
  readonly suppressTokens: readonly number[];
  readonly beginSuppressTokens: readonly number[];
  /** The same as masks to add to logits, f32 [nVocab]: for the first token both, for all others the first list. */
  readonly beginSuppress: Float32Array;
  readonly suppress: Float32Array;
  /** The most tokens of one text, prompt and end included. */
  readonly maxLength: number;
}

/** Reads a checkpoint's lists, once per model. */
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
