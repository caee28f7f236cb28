import { describe, expect, test } from 'vitest';
import { generate } from '../../src/decoding/generate.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';
import { scriptedAudio } from './scripted-audio.ts';

const special = specialTokens(51865);
const generation = {
  suppressTokens: [7, 9],
  beginSuppressTokens: [220, special.eot],
  alignmentHeads: [],
  maxLength: 448,
};
const rules = decodingRules(special, generation);
const english = { language: 'en', task: 'transcribe' } as const;
const text = { tokens: [10, 11, special.eot], logprobs: [-0.5, -1, -0.25] };

/** Logits that make a language the likeliest. */
function logitsFor(language: string): Float32Array {
  const logits = new Float32Array(special.nVocab);
  logits[special.languages.get(language) ?? -1] = 5;
  return logits;
}

const suppressed = (mask: Float32Array) => [...mask.keys()].filter((token) => mask[token] !== 0);

describe('the rules of a model', () => {
  test("suppress its tokens always, and those that may not begin only at first, besides the others'", () => {
    expect(suppressed(rules.suppress)).toEqual([7, 9]);
    expect(suppressed(rules.beginSuppress)).toEqual([7, 9, 220, special.eot]);
    expect(rules.suppress).toHaveLength(special.nVocab);
  });
});

describe('greedy decoding', () => {
  test('of what is not a number ends with what to do', async () => {
    const { audio } = scriptedAudio({ text: { tokens: [0, special.eot], logprobs: [-1, Number.NaN] } });
    await expect(generate(audio, rules, english)).rejects.toMatchObject({
      code: 'LOGITS_NOT_NUMBERS',
      hint: expect.stringMatching('weights are damaged'),
    });
  });

  test('asks for a text behind the prompt, under both masks, up to the end token', async () => {
    const { audio, runs } = scriptedAudio({ text });
    await generate(audio, rules, english);
    expect(runs).toHaveLength(1);
    expect(runs[0]?.forwarded).toEqual([]);
    expect(runs[0]?.requests.map(({ request }) => request)).toEqual([
      {
        prompts: [[50258, 50259, 50359, 50363]],
        beginSuppress: rules.beginSuppress,
        suppress: rules.suppress,
        stopToken: 50257,
        maxTokens: 444,
      },
    ]);
  });

  test('gives the text without the end token, whose log-probability still counts', async () => {
    const { audio } = scriptedAudio({ text });
    expect(await generate(audio, rules, english)).toEqual({
      language: 'en',
      tokens: [10, 11],
      avgLogprob: (-0.5 - 1 - 0.25) / 3,
      complete: true,
    });
  });

  test('says so when the text is cut at the limit, and counts as if it had finished', async () => {
    const { audio } = scriptedAudio({ text });
    const result = await generate(audio, { ...rules, maxLength: 6 }, english);
    expect(result).toMatchObject({ tokens: [10, 11], complete: false });
    expect(result.avgLogprob).toBeCloseTo((-0.5 - 1) / 3, 12);
  });

  test('can end at once', async () => {
    const { audio } = scriptedAudio({ text: { tokens: [special.eot], logprobs: [-2] } });
    expect(await generate(audio, rules, english)).toMatchObject({ tokens: [], avgLogprob: -2, complete: true });
  });

  test('detects the language from the start token alone and begins the text with it anew', async () => {
    const { audio, runs } = scriptedAudio({ text, logits: logitsFor('ja') });
    const result = await generate(audio, rules, { task: 'translate' });
    expect(runs).toHaveLength(1);
    expect(runs[0]?.forwarded.map(({ tokens }) => tokens)).toEqual([[50258]]);
    expect(runs[0]?.requests.map(({ request }) => request)).toMatchObject([
      { prompts: [[50258, 50266, 50358, 50363]], maxTokens: 444 },
    ]);
    expect(result.language).toBe('ja');
    expect(result.languageProbabilities).toHaveLength(99);
    expect(result.languageProbabilities?.[0]?.language).toBe('ja');
  });

  test('needs no detection for a model that knows English only', async () => {
    const { audio, runs } = scriptedAudio({ text: { tokens: [10, 50256], logprobs: [-1, -1] } });
    const result = await generate(audio, decodingRules(specialTokens(51864), generation), { task: 'transcribe' });
    expect(runs[0]?.forwarded).toEqual([]);
    expect(runs[0]?.requests[0]?.request).toMatchObject({
      prompts: [[50257, 50362]],
      stopToken: 50256,
      maxTokens: 446,
    });
    expect(result).toMatchObject({ language: 'en', tokens: [10], complete: true });
    expect(result.languageProbabilities).toBeUndefined();
  });

  test('hands the signal on to everything it waits for', async () => {
    const { audio, runs } = scriptedAudio({ text, logits: logitsFor('en') });
    const { signal } = new AbortController();
    await generate(audio, rules, { task: 'transcribe' }, signal);
    expect(runs[0]?.forwarded[0]?.signal).toBe(signal);
    expect(runs[0]?.requests[0]?.signal).toBe(signal);
  });

  test('gives its text back to the backend, failed or not, and leaves the audio to the caller', async () => {
    const succeeding = scriptedAudio({ text });
    await generate(succeeding.audio, rules, english);
    const failing = scriptedAudio({ text, failure: new Error('lost') });
    await expect(generate(failing.audio, rules, english)).rejects.toThrow('lost');
    const unknown = scriptedAudio({ text });
    await expect(generate(unknown.audio, rules, { ...english, language: 'xx' })).rejects.toThrow('xx');
    for (const { runs } of [succeeding, failing, unknown])
      expect(runs.map(({ isDisposed }) => isDisposed)).toEqual([true]);
  });
});
