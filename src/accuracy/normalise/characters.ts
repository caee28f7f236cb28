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
  return removeUntil(')', removeUntil('>]', text, /[<[][^>\]]*[>\]]/g), /\([^)]+?\)/g);
}

/** Drops a pattern as far as its last closing character: behind it every opening one would be followed to the very end. */
function removeUntil(closing: string, text: string, pattern: RegExp): string {
  const end = 1 + Math.max(...Array.from(closing, (character) => text.lastIndexOf(character)));
  return text.slice(0, end).replace(pattern, '') + text.slice(end);
}

/**
 * Takes repetitions out of long rows of marks on one letter, which Unicode's normal forms sort in a time that grows with
 * the square of their number. A letter takes up three marks at most, and those left over count as one space or none.
 */
function shortenMarks(text: string): string {
  return text.replace(/[\p{M}\uff9e\uff9f]{9,}/gu, (marks) => {
    const counts = new Map<string, number>();
    return Array.from(marks)
      .filter((mark) => {
        const count = counts.get(mark) ?? 0;
        counts.set(mark, count + 1);
        return count < 4;
      })
      .join('');
  });
}

/** Marks, symbols and punctuation become spaces, several marks in a row perhaps fewer. */
export function removeSymbols(text: string): string {
  return shortenMarks(text)
    .normalize('NFKC')
    .replace(/[\p{M}\p{S}\p{P}]/gu, ' ');
}

/** As {@link removeSymbols}, but accents are dropped and their letters stay. @param keep symbols that stay too */
export function removeSymbolsAndDiacritics(text: string, keep: string): string {
  return shortenMarks(text)
    .normalize('NFKD')
    .replace(/[\p{M}\p{S}\p{P}]|[œŒøØæÆßẞđĐðÐþÞłŁ]/gu, (character) => {
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
