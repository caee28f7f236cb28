import type { LanguageProbability } from '../../decoding/language.ts';
import { languages } from '../../model/languages.ts';
import { printable } from '../../printable.ts';
import type { Session } from '../session.ts';

/** How many languages people want to see; programs get them all. */
const shown = 5;

/** Prints which languages a recording may be in. @param ranked all of them, likeliest first */
export async function printLanguages(
  name: string,
  ranked: readonly LanguageProbability[],
  session: Session,
  asJson: boolean,
): Promise<void> {
  if (asJson) {
    const probabilities = Object.fromEntries(ranked.map(({ language, probability }) => [language, probability]));
    return session.print(`${JSON.stringify({ file: name, language: ranked[0]?.language ?? null, probabilities })}\n`);
  }
  const likeliest = ranked.slice(0, shown).map(({ language, probability }) => {
    return `${language} (${languages.get(language) ?? language}) ${(100 * probability).toFixed(1)} %`;
  });
  await session.print(`${printable(name)}: ${likeliest.join(', ') || 'no audio in it'}\n`);
}
