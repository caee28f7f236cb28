import { type EditCounts, editCounts } from './edit-distance.ts';
import { normaliseBasic } from './normalise/basic.ts';
import { normaliseEnglish } from './normalise/english.ts';

/** Errors of a text against what was really said. */
export interface ErrorCounts extends EditCounts {
  /** Words or characters that were really said. */
  readonly referenceLength: number;
}

/** Of words and of characters, both after normalisation. */
export interface TextErrors {
  readonly words: ErrorCounts;
  readonly characters: ErrorCounts;
}

/** Languages written without spaces: their "words" are characters, as in OpenAI's evaluation of Whisper. */
const withoutSpaces: ReadonlySet<string> = new Set(['zh', 'yue', 'ja', 'th', 'lo', 'my']);

/** Whisper's normaliser for a language. */
export function normalise(text: string, language: string): string {
  if (language === 'en') return normaliseEnglish(text);
  return normaliseBasic(text, { splitLetters: withoutSpaces.has(language) });
}

/**
 * Counts what is wrong with a text.
 *
 * @param transcript what was really said
 * @param language Whisper's code; it chooses the normaliser
 */
export function textErrors(transcript: string, text: string, language: string): TextErrors {
  const [reference, hypothesis] = [normalise(transcript, language).trim(), normalise(text, language).trim()];
  return {
    words: count(wordsOf(reference), wordsOf(hypothesis)),
    characters: count(Array.from(reference), Array.from(hypothesis)),
  };
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

function count(reference: readonly string[], hypothesis: readonly string[]): ErrorCounts {
  return { ...editCounts(reference, hypothesis), referenceLength: reference.length };
}

/** Several texts as one. */
export function sumErrors(parts: readonly ErrorCounts[]): ErrorCounts {
  const sum = (of: keyof ErrorCounts) => parts.reduce((total, part) => total + part[of], 0);
  return {
    substitutions: sum('substitutions'),
    insertions: sum('insertions'),
    deletions: sum('deletions'),
    referenceLength: sum('referenceLength'),
  };
}

/** Errors per word (or character) that was said: 0 is perfect, more than 1 is possible, and Infinity where nothing was said. */
export function errorRate({ substitutions, insertions, deletions, referenceLength }: ErrorCounts): number {
  const errors = substitutions + insertions + deletions;
  return errors === 0 ? 0 : errors / referenceLength;
}
