import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graphemes, normaliseBasic } from '../../../src/accuracy/normalise/basic.ts';
import { removeAsides } from '../../../src/accuracy/normalise/characters.ts';
import { normaliseEnglish } from '../../../src/accuracy/normalise/english.ts';

/** Texts of few characters meet in all ways that there are. */
function soup(characters: string, maxLength = 20) {
  return fc.string({ unit: fc.constantFrom(...Array.from(characters)), maxLength, size: 'max' });
}

test('asides go as the published patterns take them out', () => {
  fc.assert(
    fc.property(soup('<>[]()a \n'), (text) => {
      expect(removeAsides(text)).toBe(text.replace(/[<[][^>\]]*[>\]]/g, '').replace(/\([^)]+?\)/g, ''));
    }),
    { numRuns: 1000 },
  );
});

test('spaces go before an apostrophe, and nowhere else', () => {
  fc.assert(
    fc.property(soup("' \n\u00a0ab"), (text) => {
      expect(normaliseEnglish(text)).toBe(normaliseEnglish(text.replace(/\s+'/g, "'")));
    }),
  );
});

describe('letters', () => {
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const whole = (text: string) => Array.from(segmenter.segment(text), ({ segment }) => segment);

  test('are the same however a text is cut for the segmenter', () => {
    const characters = 'ab東京각각क्षी👩👨‍🏽🇩🇪\u0301\u0316\u1d165\r\n\u0600 ';
    fc.assert(
      fc.property(soup(characters, 1200), soup('a\u0301\u200d👩🇩', 1200), (text, other) => {
        expect(graphemes(text + other)).toEqual(whole(text + other));
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ['halves of characters at every cut', '\u{1d165}a'.repeat(400)],
    ['half a character at the end', `${'a'.repeat(255)}\ud83d`],
    ['one that fills several pieces', `a${'\u0301'.repeat(2000)}b`],
    ['flags', '🇩🇪'.repeat(300)],
    ['nothing', ''],
  ])('%s', (_, text) => {
    expect(graphemes(text)).toEqual(whole(text));
  });
});

test('marks are taken alike, many or few', () => {
  const few = (text: string) => text.replace(/(\p{M})\1{3,}/gu, '$1$1$1$1');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...'aeoか\u1b05'), fc.constantFrom(...'\u0301\u0316\u0302\u3099\u1b35\u0308'))),
      fc.integer({ min: 4, max: 40 }),
      (letters, count) => {
        const text = letters.map(([letter, mark]) => letter + mark.repeat(count)).join('');
        const plain = (words: string) => words.normalize('NFKC').replace(/\p{M}/gu, ' ').replace(/\s+/g, ' ');
        expect(normaliseBasic(text)).toBe(plain(text));
        expect(normaliseBasic(few(text))).toBe(plain(text));
      },
    ),
  );
});

// Each of these took minutes or hours where every start of a pattern was followed to the end of the text.
describe('200,000 of anything are taken in one go', () => {
  const many = (text: string) => text.repeat(Math.ceil(200_000 / text.length));
  test.each([
    ['brackets', many('[')],
    ['brackets of another kind', many('<[')],
    ['parentheses', many('(')],
    ['parentheses, opened and half closed', many('()(')],
    ['brackets that are closed at last', `${many('[')}] b`],
    ['spaces', `a${many(' ')}b`],
    ['spaces of another kind', `a${many('\u00a0\n')}b`],
    ['letters', many('ab')],
    ['marks', `a${many('\u0301\u0316')}b`],
    ['marks of half width', `a${many('\uff9e\u0301')}b`],
    ['words for numbers', many('one one thousand ')],
    ['nines and what carries through them', many(`${'nine '.repeat(80)}thousand nine hundred ninety nine decillion `)],
    ['zeros', many('zero one thousand ')],
    ['tens', many('twenty one ')],
    ['points', many('one point five thousand ')],
    ['figures', many('1')],
    ['halves', many('one and a half ')],
  ])('%s', (_, text) => {
    expect(normaliseEnglish(text)).toBeTypeOf('string');
    expect(normaliseBasic(text, { splitLetters: true })).toBeTypeOf('string');
  });
});
