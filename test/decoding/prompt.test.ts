import { describe, expect, test } from 'vitest';
import { sotSequence } from '../../src/decoding/prompt.ts';
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
    expect(sotSequence(special, language, task)).toEqual(expected);
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
});
