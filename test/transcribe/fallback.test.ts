import { describe, expect, test } from 'vitest';
import type { Backend, DecoderRun, EncodedAudio, Step } from '../../src/backend/backend.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';
import type { WhisperTokenizer } from '../../src/model/tokenizer.ts';
import { fallbackDecoder, isSilence, needsFallback } from '../../src/transcribe/fallback.ts';
import type { LoadedModel } from '../../src/transcribe/loaded-model.ts';
import { resolveOptions, type TranscribeOptions } from '../../src/transcribe/options.ts';
import { greedyBy } from '../support/scripted-run.ts';

const thresholds = { compressionRatioThreshold: 2.4, logprobThreshold: -1, noSpeechThreshold: 0.6 };
const good = { avgLogprob: -0.5, compressionRatio: 1.5, noSpeechProb: 0.1 };

describe('a text', () => {
  test.each([
    ['is good as it is', {}, false],
    ['repeats itself', { compressionRatio: 2.5 }, true],
    ['is unlikely', { avgLogprob: -1.1 }, true],
    ['is unlikely because nobody speaks', { avgLogprob: -1.1, noSpeechProb: 0.7 }, false],
    ['repeats itself where nobody speaks', { avgLogprob: -1.1, noSpeechProb: 0.7, compressionRatio: 3 }, false],
    ['repeats itself and is likely where nobody speaks', { noSpeechProb: 0.7, compressionRatio: 3 }, true],
  ])('that %s', (_, changes, expected) => {
    expect(needsFallback({ ...good, ...changes }, thresholds)).toBe(expected);
  });

  test.each([
    [{ noSpeechProb: 0.7 }, false],
    [{ avgLogprob: -1.1 }, false],
    [{ noSpeechProb: 0.7, avgLogprob: -1.1 }, true],
    [{ noSpeechProb: 0.6, avgLogprob: -1.1 }, false],
  ])('with %o is silence: %s', (changes, expected) => {
    expect(isSilence({ ...good, ...changes }, thresholds)).toBe(expected);
  });
});

const special = specialTokens(51865);
const [sure, unsure] = [10, 11];

/** Windows of which those listed are unsure of their text until it is drawn; every text is one token and the end. */
function scripted(unsureWindows: readonly number[]) {
  const asked: (number | undefined)[] = [];
  const logitsOf = (window: number, length: number) => {
    const logits = new Float32Array(special.nVocab).fill(unsureWindows.includes(window) && length === 0 ? 0 : -50);
    logits[length === 0 ? (unsureWindows.includes(window) ? unsure : sure) : special.eot] = length === 0 ? 0.01 : 20;
    return logits;
  };
  const audio: EncodedAudio = {
    count: 3,
    async startDecoder(window) {
      asked.push(window);
      const windows = window === undefined ? [0, 1, 2] : [window];
      let length = -1;
      const run: Pick<DecoderRun, 'forward'> = {
        async forward({ tokens, logitsFrom }: Step) {
          length++;
          const perText = logitsFrom === undefined ? 1 : (tokens[0]?.length ?? 0) - logitsFrom;
          const perWindow = tokens.length / windows.length;
          const rows = tokens.flatMap((_, text) =>
            Array.from({ length: perText }, () => logitsOf(windows[Math.floor(text / perWindow)] as number, length)),
          );
          const logits = new Float32Array(rows.length * special.nVocab);
          for (const [i, row] of rows.entries()) logits.set(row, i * special.nVocab);
          return { logits };
        },
      };
      const greedy = greedyBy(windows.length, special.nVocab, run.forward);
      const nextLogprobs = async () => new Float32Array(windows.length).fill(-50);
      return { ...run, candidates: () => Promise.reject(), nextLogprobs, greedy, async [Symbol.asyncDispose]() {} };
    },
    encoderOutput: () => Promise.reject(),
    async [Symbol.asyncDispose]() {},
  };
  return { audio, asked };
}

const tokenizer = {
  special,
  decode: (tokens: readonly number[]) => (tokens.length === 0 ? '' : 'a text without repetition'),
  encode: (text: string) => Array.from(text, () => 1),
} as unknown as WhisperTokenizer;
const generation = { suppressTokens: [], beginSuppressTokens: [], alignmentHeads: [], maxLength: 448 };
const model = { tokenizer, rules: decodingRules(special, generation), backend: {} as Backend } as LoadedModel;
const decodeWith = (audio: EncodedAudio, options: TranscribeOptions) =>
  fallbackDecoder(model, resolveOptions(options)).decode(audio, ['en', 'de', 'fr'], {
    timestamps: false,
    previous: [],
  });

describe('decoding with fallback', () => {
  test('decodes windows together, and only the bad ones again, each by itself and warmer', async () => {
    const { audio, asked } = scripted([1]);
    const results = await decodeWith(audio, { temperatures: [0, 0.4, 0.8], bestOf: 2 });
    expect(asked).toEqual([undefined, 1, 1]);
    expect(results.map(({ temperature }) => temperature)).toEqual([0, 0.8, 0]);
    expect(results.map(({ language }) => language)).toEqual(['en', 'de', 'fr']);
    expect(results[0]?.tokens).toEqual([sure]);
  });

  test('tries nothing again where there is one temperature, or thresholds that accept all', async () => {
    for (const options of [{ temperatures: [0] }, { logprobThreshold: -1000 }]) {
      const { audio, asked } = scripted([0, 1, 2]);
      await decodeWith(audio, options);
      expect(asked).toEqual([undefined]);
    }
  });

  test('draws the same sequences with the same seed', async () => {
    const drawn = async (seed: number) =>
      (await decodeWith(scripted([0, 1, 2]).audio, { temperatures: [1], seed })).map(({ tokens }) => tokens);
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(1)).not.toEqual(await drawn(2));
  });

  test('refuses a prefix that leaves no room', async () => {
    await expect(async () => decodeWith(scripted([]).audio, { prefix: 'x'.repeat(200) })).rejects.toMatchObject({
      code: 'PREFIX_TOO_LONG',
    });
  });

  test.each(['eot', 'nVocab'] as const)('refuses to suppress %s', async (name) => {
    const suppressTokens = [5, special[name]];
    await expect(async () => decodeWith(scripted([]).audio, { suppressTokens })).rejects.toMatchObject({
      code: 'TOKEN_NOT_SUPPRESSIBLE',
    });
  });
});
