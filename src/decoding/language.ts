import type { EncodedAudio } from '../backend/backend.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';

export interface LanguageProbability {
  /** Whisper's code, such as 'en'. */
  readonly language: string;
  readonly probability: number;
}

/**
 * Ranks the languages by the logits that follow the start token alone.
 * Source: openai/whisper decoding.py, detect_language: softmax over the language tokens, all others masked.
 *
 * @param logits f32 [nVocab] after [sot]
 * @returns all languages of the vocabulary, likeliest first
 */
export function rankLanguages(logits: Float32Array, special: SpecialTokens): LanguageProbability[] {
  const scores = Array.from(special.languages, ([language, token]) => ({
    language,
    logit: logits[token] ?? -Infinity,
  }));
  const highest = Math.max(...scores.map(({ logit }) => logit));
  const weights = scores.map(({ language, logit }) => ({ language, weight: Math.exp(logit - highest) }));
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  return weights
    .map(({ language, weight }) => ({ language, probability: weight / sum }))
    .sort((a, b) => b.probability - a.probability);
}

/**
 * Which language is spoken in each of the audio's windows. An English-only model hears English everywhere.
 *
 * @returns per window all languages, likeliest first
 */
export async function detectLanguages(
  audio: EncodedAudio,
  special: SpecialTokens,
  signal?: AbortSignal,
): Promise<LanguageProbability[][]> {
  if (!special.isMultilingual) return Array.from({ length: audio.count }, () => [{ language: 'en', probability: 1 }]);
  await using run = await audio.startDecoder();
  const tokens = Array.from({ length: audio.count }, () => [special.sot]);
  const { logits } = await run.forward({ tokens }, signal);
  const { nVocab } = special;
  return tokens.map((_, window) => rankLanguages(logits.subarray(window * nVocab, (window + 1) * nVocab), special));
}
