import { describe, expect, test } from 'vitest';
import { languages, parseLanguage } from '../../src/model/languages.ts';

describe('parseLanguage', () => {
  test('knows every code and every English name, in any case', () => {
    for (const [code, name] of languages) {
      expect(parseLanguage(code.toUpperCase())).toBe(code);
      expect(parseLanguage(` ${name} `)).toBe(code);
    }
  });

  test.each([
    ['burmese', 'my'],
    ['Mandarin', 'zh'],
    ['valencian', 'ca'],
    ['castilian', 'es'],
    ['iw', 'he'],
    ['jv-ID', 'jw'],
    ['en-US', 'en'],
    ['zh-CN', 'zh'],
    ['zh-Hant', 'zh'],
    ['zh-Hant-TW', 'zh'],
    ['zh-yue', 'yue'],
    ['yue-HK', 'yue'],
    ['pt_BR', 'pt'],
    ['PT-br', 'pt'],
    ['DE', 'de'],
    ['de_DE.UTF-8', 'de'],
    ['de_AT@euro', 'de'],
    ['nb-NO', 'no'],
    ['nn-NO', 'nn'],
    ['fil-PH', 'tl'],
    ['haw-US', 'haw'],
    ['deu', 'de'],
    ['cmn-Hans', 'zh'],
  ])('takes %s for %s', (text, code) => {
    expect(parseLanguage(text)).toBe(code);
  });

  test.each([
    '',
    'xx',
    'klingon',
    'constructor',
    'auto',
    'xx-US',
    'tlh',
    'C',
    'en-',
    'en US',
    'german-AT',
    'en-toolongsubtag',
    'x-de',
  ])('does not know %j', (text) => {
    expect(parseLanguage(text)).toBeUndefined();
  });
});

test('there are 100 languages, with Cantonese, the latest, last', () => {
  expect(languages.size).toBe(100);
  expect([...languages.keys()].slice(0, 5)).toEqual(['en', 'zh', 'de', 'es', 'ru']);
  expect([...languages.keys()].at(-1)).toBe('yue');
});
