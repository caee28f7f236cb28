import { describe, expect, test } from 'vitest';
import { errorRate, normalise, sumErrors, textErrors } from '../../src/accuracy/word-errors.ts';

describe('textErrors', () => {
  test('counts words after normalisation', () => {
    const { words } = textErrors('Mr. Smith paid twenty dollars.', "mister smith pays $20, didn't he", 'en');
    // mister smith paid $20 | mister smith pays $20 did not he
    expect(words).toEqual({ substitutions: 1, insertions: 3, deletions: 0, referenceLength: 4 });
    expect(errorRate(words)).toBe(1);
  });

  test('counts characters, spaces among them', () => {
    const { characters } = textErrors('so it is', 'so its', 'en');
    expect(characters).toEqual({ substitutions: 0, insertions: 0, deletions: 2, referenceLength: 8 });
  });

  test('takes characters for words where a language has no spaces', () => {
    const { words, characters } = textErrors('東京です。', '東京でし', 'ja');
    expect(words).toEqual({ substitutions: 1, insertions: 0, deletions: 0, referenceLength: 4 });
    expect(characters.referenceLength).toBe(7); // with the spaces that part them
  });

  test('counts a character beyond 16 bits once', () => {
    expect(textErrors('𝐚𠮷', '𝐚', 'ja').words).toEqual({
      substitutions: 0,
      insertions: 0,
      deletions: 1,
      referenceLength: 2,
    });
  });
});

test('languages but English keep accents and number words', () => {
  expect(normalise('Zwei Füße, bitte!', 'de').trim()).toBe('zwei füße bitte');
});

test('errors of several texts are those of one long one', () => {
  const parts = [textErrors('a b c', 'a x', 'de').words, textErrors('d', 'd e', 'de').words];
  expect(sumErrors(parts)).toEqual({ substitutions: 1, insertions: 1, deletions: 1, referenceLength: 4 });
  expect(errorRate(sumErrors(parts))).toBe(0.75);
});

test('nothing said and nothing heard is no error; something heard is without measure', () => {
  expect(errorRate(textErrors('', '', 'en').words)).toBe(0);
  expect(errorRate(textErrors('', 'hello', 'en').words)).toBe(Number.POSITIVE_INFINITY);
});
