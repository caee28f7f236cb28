import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { americanSpelling, normaliseEnglish } from '../../../src/accuracy/normalise/english.ts';
import { normaliseNumbers } from '../../../src/accuracy/normalise/english-numbers.ts';

/** What openai/whisper expects of both its number and its text normaliser (tests/test_normalizer.py). */
const publishedNumbers = [
  ['two', '2'],
  ['thirty one', '31'],
  ['five twenty four', '524'],
  ['nineteen ninety nine', '1999'],
  ['twenty nineteen', '2019'],
  ['two point five million', '2500000'],
  ['four point two billions', '4200000000s'],
  ['200 thousand', '200000'],
  ['200 thousand dollars', '$200000'],
  ['$20 million', '$20000000'],
  ['€52.4 million', '€52400000'],
  ['£77 thousands', '£77000s'],
  ['two double o eight', '2008'],
  ['three thousand twenty nine', '3029'],
  ['forty three thousand two hundred sixty', '43260'],
  ['forty three thousand two hundred and sixty', '43260'],
  ['nineteen fifties', '1950s'],
  ['thirty first', '31st'],
  ['thirty three thousand and three hundred and thirty third', '33333rd'],
  ['three billion', '3000000000'],
  ['millions', '1000000s'],
  ['july third twenty twenty', 'july 3rd 2020'],
  ['august twenty sixth twenty twenty one', 'august 26th 2021'],
  ['3 14', '3 14'],
  ['3.14', '3.14'],
  ['3 point 2', '3.2'],
  ['3 point 14', '3.14'],
  ['fourteen point 4', '14.4'],
  ['two point two five dollars', '$2.25'],
  ['two hundred million dollars', '$200000000'],
  ['$20.1 million', '$20100000'],
  ['ninety percent', '90%'],
  ['seventy six per cent', '76%'],
  ['double oh seven', '007'],
  ['double zero seven', '007'],
  ['nine one one', '911'],
  ['nine double one', '911'],
  ['one triple oh one', '10001'],
  ['two thousandth', '2000th'],
  ['thirty two thousandth', '32000th'],
  ['minus 500', '-500'],
  ['positive twenty thousand', '+20000'],
  ['two dollars and seventy cents', '$2.70'],
  ['3 cents', '¢3'],
  ['$0.36', '¢36'],
  ['three euros and sixty five cents', '€3.65'],
  ['three and a half million', '3500000'],
  ['forty eight and a half dollars', '$48.5'],
  ['b747', 'b 747'],
  ['10 th', '10th'],
  ['10th', '10th'],
] as const;

describe('normaliseNumbers', () => {
  test.each(publishedNumbers)('%j -> %j', (text, expected) => {
    expect(normaliseNumbers(text)).toBe(expected);
  });

  // What openai/whisper 20250625 gives for texts where its rules are at their least obvious.
  test.each([
    ['one', 'one'],
    ['the ones', 'the ones'],
    ['hundred and a half', '100.5'],
    ['a mile and a half', 'a mile and a half'],
    ['zero million', '0'],
    ['point', 'point'],
    ['and five', 'and 5'],
    ['double trouble', 'double trouble'],
    ['minus the tax', 'minus the tax'],
    ['five per person', '5 per person'],
    ['ten ten', '1010'],
    ['twenty twenty twenty', '202020'],
    ['one decillion', '1000000000000000000000000000000000'],
    ['192.168.0.1', '192.168.0.one'],
    ['two point five point', '2.5 point'],
    ['007', '7'],
    ['seven cents', '¢7'],
    ['two dollars seven cents', '$2.07'],
    ['', ''],
  ])('%j -> %j', (text, expected) => {
    expect(normaliseNumbers(text)).toBe(expected);
  });
});

describe('normaliseEnglish', () => {
  test.each(publishedNumbers)('%j -> %j', (text, expected) => {
    expect(normaliseEnglish(text)).toBe(expected);
  });

  test.each([
    ["Let's", 'let us'],
    ["he's like", 'he is like'],
    ["she's been like", 'she has been like'],
    ['10km', '10 km'],
    ['10mm', '10 mm'],
    ['RC232', 'rc 232'],
    ['Mr. Park visited Assoc. Prof. Kim Jr.', 'mister park visited associate professor kim junior'],
  ])('%j -> %j, as published', (text, expected) => {
    expect(normaliseEnglish(text)).toBe(expected);
  });

  test.each([
    ['Uh, I won’t, um, go!', 'i won t go'],
    ["Uh, I won't, um, go!", 'i will not go'],
    ['[Music] Hello (laughs) world <unk>.', 'hello world'],
    ['Café, naïve, Straße, œuvre', 'cafe naive strasse oeuvre'],
    ['The colour of his neighbour’s grey aluminium', 'the color of his neighbor s gray aluminum'],
    ['It cost $1,234,567.89.', 'it cost $1234567.89'],
    ['U.S.A. 3.5% a b%', 'u s a 3.5% a b '],
    ['élan st. étienne', 'elan saint etienne'],
    ['', ''],
    [' \n', ''],
  ])('%j -> %j, as openai/whisper 20250625', (text, expected) => {
    expect(normaliseEnglish(text)).toBe(expected);
  });

  test('takes any text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(
          fc.constantFrom(
            ...'one oh twenty million third and point double per cent dollars minus $5 2.50 . %'.split(' '),
          ),
        )
        .map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(text, (words) => {
        expect(normaliseEnglish(words)).not.toMatch(/\s{2}|undefined|NaN/);
      }),
    );
  });
});

describe('americanSpelling', () => {
  test.each([
    ['mobilisation', 'mobilization'],
    ['cancelation', 'cancellation'],
    ['the  colour grey', 'the color gray'],
    ['colourxyz', 'colourxyz'],
  ])('%j -> %j', (text, expected) => {
    expect(americanSpelling(text)).toBe(expected);
  });
});
