import { detectLanguages, type LanguageProbability } from '../decoding/language.ts';
import { nFrames } from '../features/log-mel.ts';
import type { LoadedModel } from './loaded-model.ts';
import { LogMelSource, type Recording, survey } from './log-mel-source.ts';

/**
 * Which language is spoken in the first 30 s of a recording.
 *
 * @returns all languages, likeliest first; none for a recording without samples
 */
export async function detectLanguage(
  { backend, rules }: LoadedModel,
  recording: Recording,
  signal?: AbortSignal,
): Promise<LanguageProbability[]> {
  const { nMels } = backend.dimensions;
  const surveyed = await survey(recording, nMels, signal);
  if (surveyed.sampleCount === 0) return [];
  await using source = new LogMelSource(recording, surveyed, nMels);
  const { logMel } = await source.window(0, nFrames);
  await using audio = await backend.encode([logMel], signal);
  const [ranked = []] = await detectLanguages(audio, rules.special, signal);
  return ranked;
}
