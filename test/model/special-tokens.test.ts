import { describe, expect, test } from 'vitest';
import { specialTokens } from '../../src/model/special-tokens.ts';

describe('specialTokens', () => {
  // openai/whisper tokenizer.py, get_encoding.
  test.each([
    [51864, 50256, 50257, 50357, 50358, 50359, 50360, 50361, 50362, 50363, 99],
    [51865, 50257, 50258, 50358, 50359, 50360, 50361, 50362, 50363, 50364, 99],
    [51866, 50257, 50258, 50359, 50360, 50361, 50362, 50363, 50364, 50365, 100],
  ])(
    'of a vocabulary of %i',
    (nVocab, eot, sot, translate, transcribe, lm, prev, noSpeech, noTimestamps, begin, count) => {
      const { languages, ...special } = specialTokens(nVocab);
      expect(special).toEqual({
        eot,
        sot,
        translate,
        transcribe,
        startOfLm: lm,
        startOfPrev: prev,
        noSpeech,
        noTimestamps,
        timestampBegin: begin,
        isMultilingual: nVocab !== 51864,
        nVocab,
      });
      expect(languages.size).toBe(count);
      expect(languages.get('en')).toBe(sot + 1);
      expect(languages.get('su')).toBe(sot + 99);
      expect(languages.get('yue')).toBe(count === 100 ? sot + 100 : undefined);
    },
  );

  test('of any other vocabulary are not known', () => {
    expect(() => specialTokens(51867)).toThrow('51867');
    expect(() => specialTokens(32000)).toThrow('32000');
  });
});
