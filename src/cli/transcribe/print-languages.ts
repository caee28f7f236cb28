import type { AudioRecording } from '../../audio/recording.ts';
import { languages } from '../../model/languages.ts';
import { printable } from '../../printable.ts';
import { detectLanguage } from '../../transcribe/detect-language.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import type { Session } from '../session.ts';

/** How many languages people want to see; programs get them all. */
const shown = 5;

/** Prints which languages a recording may be in, likeliest first. */
export async function printLanguages(
  model: LoadedModel,
  audio: AudioRecording,
  session: Session,
  asJson: boolean,
): Promise<void> {
  const ranked = await detectLanguage(model, audio, session.signal);
  if (asJson) {
    const probabilities = Object.fromEntries(ranked.map(({ language, probability }) => [language, probability]));
    return session.print(
      `${JSON.stringify({ file: audio.name, language: ranked[0]?.language ?? null, probabilities })}\n`,
    );
  }
  const likeliest = ranked.slice(0, shown).map(({ language, probability }) => {
    return `${language} (${languages.get(language) ?? language}) ${(100 * probability).toFixed(1)} %`;
  });
  await session.print(`${printable(audio.name)}: ${likeliest.join(', ') || 'no audio in it'}\n`);
}
