import { ModelError } from '../errors.ts';
import { languages } from './languages.ts';

/** The tokens that are no text. Text tokens are all those below `eot`; from `timestampBegin` on, each is 0.02 s more. */
export interface SpecialTokens {
  readonly eot: number;
  readonly sot: number;
  readonly translate: number;
  readonly transcribe: number;
  readonly startOfLm: number;
  readonly startOfPrev: number;
  readonly noSpeech: number;
  readonly noTimestamps: number;
  readonly timestampBegin: number;
  /** Token by language code. English-only models have these tokens too, but never learnt them. */
  readonly languages: ReadonlyMap<string, number>;
  readonly isMultilingual: boolean;
  readonly nVocab: number;
}

/** `<|0.00|>`, `<|0.02|>` … `<|30.00|>`, at the end of every vocabulary. */
const timestampCount = 1501;

/** English-only models use GPT-2's vocabulary, which has one token less. */
const multilingualFrom = 51865;

/**
 * Works out the special tokens of a vocabulary: the three that OpenAI published differ in size, and in nothing else.
 * Source: openai/whisper tokenizer.py, get_encoding: end of text, start, languages, six more, timestamps.
 *
 * @param nVocab 51864 (English only), 51865 (multilingual) or 51866 (large-v3 and later: one language more)
 * @throws ModelError `MODEL_UNSUPPORTED` for any other size
 */
export function specialTokens(nVocab: number): SpecialTokens {
  if (!isPublished(nVocab))
    throw new ModelError('MODEL_UNSUPPORTED', `a vocabulary of ${nVocab} tokens is none of Whisper's`);
  const isMultilingual = nVocab >= multilingualFrom;
  const eot = isMultilingual ? 50257 : 50256;
  const sot = eot + 1;
  const timestampBegin = nVocab - timestampCount;
  const translate = timestampBegin - 6;
  const codes = [...languages.keys()].slice(0, translate - sot - 1);
  return {
    eot,
    sot,
    translate,
    transcribe: translate + 1,
    startOfLm: translate + 2,
    startOfPrev: translate + 3,
    noSpeech: translate + 4,
    noTimestamps: translate + 5,
    timestampBegin,
    languages: new Map(codes.map((code, i) => [code, sot + 1 + i])),
    isMultilingual,
    nVocab,
  };
}

/** Whether a vocabulary of this size is one of Whisper's. */
export function isPublished(nVocab: number): boolean {
  return [51864, 51865, 51866].includes(nVocab);
}

/**
 * The special tokens as a `tokenizer.json` writes them: of the timestamps the first and the last, and of a token that
 * has been renamed both spellings.
 *
 * @returns token by content, such as `<|endoftext|>`
 */
export function specialTokenNames(special: SpecialTokens): Map<string, number> {
  const byName: readonly (readonly [string, number])[] = [
    ['endoftext', special.eot],
    ['startoftranscript', special.sot],
    ...special.languages,
    ['translate', special.translate],
    ['transcribe', special.transcribe],
    ['startoflm', special.startOfLm],
    ['startofprev', special.startOfPrev],
    ['nospeech', special.noSpeech],
    ['nocaptions', special.noSpeech],
    ['notimestamps', special.noTimestamps],
    ['0.00', special.timestampBegin],
    ['30.00', special.timestampBegin + timestampCount - 1],
  ];
  return new Map(byName.map(([name, token]) => [`<|${name}|>`, token]));
}
