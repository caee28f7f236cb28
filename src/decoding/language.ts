import type { EncodedAudio } from '../backend/backend.ts';
import type { SpecialTokens } from '../model/special-tokens.ts';

export interface LanguageProbability {
  /** Whisper's code, such as 'en'. */
  readonly language: string;
  readonly probability: number;
}

/**
 * Ranks the languages by what follows the start token alone.
 * Source: openai/whisper decoding.py, detect_language: softmax over the language tokens, all others masked.
 *
 * @param scores of each language's token behind [sot], in the vocabulary's order: logits, or log-probabilities
 * @returns all languages of the vocabulary, likeliest first
 */
export function rankLanguages(scores: Float32Array, { languages }: SpecialTokens): LanguageProbability[] {
  const highest = Math.max(...scores);
  const weights = Array.from(languages.keys(), (language, i) => {
    return { language, weight: Math.exp((scores[i] ?? Number.NEGATIVE_INFINITY) - highest) };
  });
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
  const languages = [...special.languages.values()];
  const logprobs = await run.nextLogprobs(tokens, languages, signal);
  const { length } = languages;
  return tokens.map((_, window) => rankLanguages(logprobs.subarray(window * length, (window + 1) * length), special));
}
