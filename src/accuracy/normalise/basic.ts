import { removeAsides, removeSymbols, singleSpaces } from './characters.ts';

export interface BasicOptions {
  /** Puts a space between all characters: for languages that are written without spaces, whose words nobody can count. */
  readonly splitLetters?: boolean;
}

/**
 * Whisper's normaliser for every language but English: lower case, without asides in brackets, punctuation or symbols.
 * Source: openai/whisper normalizers/basic.py, BasicTextNormalizer.
 */
export function normaliseBasic(text: string, { splitLetters = false }: BasicOptions = {}): string {
  const plain = removeSymbols(removeAsides(text.toLowerCase())).toLowerCase();
  return singleSpaces(splitLetters ? graphemes(plain).join(' ') : plain);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** What a reader takes for one character each. */
function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}
