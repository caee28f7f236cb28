import type { EncodedAudio } from '../backend/backend.ts';
import { detectLanguages } from '../decoding/language.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { ResolvedOptions } from './options.ts';

/** The likeliest language of each window of an audio; what was heard in the first of them is told. */
export async function detectAndReportLanguages(
  { rules }: LoadedModel,
  audio: EncodedAudio,
  { onLanguage, signal }: Pick<ResolvedOptions, 'onLanguage' | 'signal'>,
): Promise<[string, ...string[]]> {
  const ranked = await detectLanguages(audio, rules.special, signal);
  const [first = [], ...rest] = ranked;
  onLanguage?.(first);
  const [language, ...others] = [first, ...rest].map(([likeliest]) => likeliest?.language ?? 'en');
  return [language as string, ...others];
}
