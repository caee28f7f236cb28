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

/** How much is given to the segmenter at once: its time grows with the square of it. */
const pieceLength = 256;

/** What a reader takes for one character each. */
export function graphemes(text: string): string[] {
  const found: string[] = [];
  let length = pieceLength;
  for (let start = 0; start < text.length; ) {
    const isLast = start + length >= text.length;
    const isCutInHalf = !isLast && /[\ud800-\udbff]/.test(text.charAt(start + length - 1));
    const piece = text.slice(start, start + length + (isCutInHalf ? 1 : 0));
    const parts = Array.from(segmenter.segment(piece), ({ segment }) => segment);
    if (!isLast) parts.pop(); // it may go on behind the piece
    length = parts.length === 0 ? 2 * length : pieceLength;
    for (const part of parts) {
      found.push(part);
      start += part.length;
    }
  }
  return found;
}
