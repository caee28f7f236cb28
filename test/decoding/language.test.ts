import { describe, expect, test } from 'vitest';
import { rankLanguages } from '../../src/decoding/language.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';

const multilingual = specialTokens(51865);

/** Scores of all languages, in the vocabulary's order. */
function logits(scores: Readonly<Record<string, number>>, special = multilingual): Float32Array {
  return Float32Array.from(special.languages.keys(), (language) => scores[language] ?? -1000);
}

describe('the languages', () => {
  test('are ranked by a softmax over their tokens alone', () => {
    const ranked = rankLanguages(logits({ de: 1, en: 3, fr: 2 }), multilingual);
    const total = Math.exp(1) + Math.exp(2) + Math.exp(3);
    expect(ranked).toHaveLength(99);
    expect(ranked.slice(0, 3).map(({ language }) => language)).toEqual(['en', 'fr', 'de']);
    for (const [i, logit] of [3, 2, 1].entries())
      expect(ranked[i]?.probability).toBeCloseTo(Math.exp(logit) / total, 12);
    expect(ranked[3]?.probability).toBe(0);
  });

  test('have probabilities that add up to 1, however large the logits', () => {
    for (const shift of [-900, 0, 900]) {
      const ranked = rankLanguages(logits({ ja: shift, zh: shift - 0.5 }), multilingual);
      expect(ranked.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
      expect(ranked[0]).toEqual({ language: 'ja', probability: expect.closeTo(1 / (1 + Math.exp(-0.5)), 6) });
    }
  });

  test('keep the order of their tokens where they are equally likely', () => {
    expect(rankLanguages(logits({ zh: 1, en: 1, de: 1 }), multilingual)[0]?.language).toBe('en');
  });

  test('are 100 in large-v3, Cantonese the last', () => {
    const large = specialTokens(51866);
    const ranked = rankLanguages(logits({ yue: 5 }, large), large);
    expect(ranked).toHaveLength(100);
    expect(ranked[0]?.language).toBe('yue');
  });
});
