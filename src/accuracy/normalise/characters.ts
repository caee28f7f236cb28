/** Letters that Unicode does not take apart into a plain letter and a mark. */
const plainLetters: Readonly<Record<string, string>> = {
  œ: 'oe',
  Œ: 'OE',
  ø: 'o',
  Ø: 'O',
  æ: 'ae',
  Æ: 'AE',
  ß: 'ss',
  ẞ: 'SS',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  þ: 'th',
  Þ: 'th',
  ł: 'l',
  Ł: 'L',
};

/** Drops what stands in brackets or parentheses: notes on sounds and speakers. */
export function removeAsides(text: string): string {
  return text.replace(/[<[][^>\]]*[>\]]/g, '').replace(/\([^)]+?\)/g, '');
}

/** Marks, symbols and punctuation become spaces. */
export function removeSymbols(text: string): string {
  return text.normalize('NFKC').replace(/[\p{M}\p{S}\p{P}]/gu, ' ');
}

/** As {@link removeSymbols}, but accents are dropped and their letters stay. @param keep symbols that stay too */
export function removeSymbolsAndDiacritics(text: string, keep: string): string {
  return text.normalize('NFKD').replace(/[\p{M}\p{S}\p{P}]|[œŒøØæÆßẞđĐðÐþÞłŁ]/gu, (character) => {
    if (keep.includes(character)) return character;
    return plainLetters[character] ?? (/\p{Mn}/u.test(character) ? '' : ' ');
  });
}

export function singleSpaces(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/** A pattern that matches whole words only; `\b` alone takes letters beyond ASCII for gaps between words. */
export function wholeWord(pattern: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}_])(?:${pattern})(?![\\p{L}\\p{N}_])`, 'gu');
}

/** A pattern that matches at the end of a word only. */
export function wordEnd(pattern: string): RegExp {
  return new RegExp(`(?:${pattern})(?![\\p{L}\\p{N}_])`, 'gu');
}
