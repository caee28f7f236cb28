import { describe, expect, test } from 'vitest';
import { sotSequence, windowPrompt } from '../../src/decoding/prompt.ts';
import { UsageError } from '../../src/errors.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';

const englishOnly = specialTokens(51864);
const multilingual = specialTokens(51865);
const large = specialTokens(51866);

describe('the prompt', () => {
  // The tokens are those of the published tokenizers, written out.
  test.each([
    ['multilingual, English', multilingual, 'en', 'transcribe', [50258, 50259, 50359, 50363]],
    ['multilingual, German to English', multilingual, 'de', 'translate', [50258, 50261, 50358, 50363]],
    ['multilingual, the last language', multilingual, 'su', 'transcribe', [50258, 50357, 50359, 50363]],
    ['large-v3, English', large, 'en', 'transcribe', [50258, 50259, 50360, 50364]],
    ['large-v3, Cantonese to English', large, 'yue', 'translate', [50258, 50358, 50359, 50364]],
    ['English only', englishOnly, 'en', 'transcribe', [50257, 50362]],
  ] as const)('of a model is start, language, task, no timestamps: %s', (_, special, language, task, expected) => {
    const context = { previous: [], prefix: [], nTextCtx: 448 };
    expect(windowPrompt(special, { language, task, timestamps: false }, context).tokens).toEqual(expected);
    expect(sotSequence(special, language, task)).toEqual(expected.slice(0, -1));
  });

  test('is refused for a language that the model has no token for', () => {
    expect(() => sotSequence(multilingual, 'yue', 'transcribe')).toThrow(UsageError);
    expect(() => sotSequence(multilingual, 'yue', 'transcribe')).toThrow(/language yue/);
  });

  test.each([
    ['de', 'transcribe'],
    ['en', 'translate'],
  ] as const)('is refused for %s, %s in a model that transcribes English only', (language, task) => {
    expect(() => sotSequence(englishOnly, language, task)).toThrow(UsageError);
  });

  test('with timestamps leaves the token out that forbids them, and puts the text before in front', () => {
    const start = { language: 'en', task: 'transcribe', timestamps: true } as const;
    const prompt = windowPrompt(multilingual, start, { previous: [7, 8, 50400], prefix: [9], nTextCtx: 448 });
    expect(prompt).toEqual({ tokens: [50361, 7, 8, 50400, 50258, 50259, 50359, 9], sotIndex: 4 });
  });

  test('takes along no more of the text before than half the context holds', () => {
    const previous = Array.from({ length: 500 }, (_, i) => i);
    const start = { language: 'en', task: 'transcribe', timestamps: true } as const;
    const { tokens, sotIndex } = windowPrompt(multilingual, start, { previous, prefix: [], nTextCtx: 448 });
    expect(sotIndex).toBe(224);
    expect(tokens.slice(0, 3)).toEqual([50361, 277, 278]);
    expect(tokens[223]).toBe(499);
  });
});
