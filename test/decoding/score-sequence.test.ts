import { describe, expect, test } from 'vitest';
import { suppressAtBegin, suppressTokens } from '../../src/decoding/logit-filters.ts';
import { scoredHypothesis } from '../../src/decoding/score-sequence.ts';
import { logSumExp } from '../../src/logits/log-softmax.ts';
import { scriptedAudio } from './scripted-audio.ts';

const [nVocab, eot] = [8, 7];
const prompt = [5, 6];
const filters = [suppressAtBegin([eot, 0]), suppressTokens([3])];
const tokens = [1, 2, eot];
const rows = tokens.map((_, row) =>
  Float32Array.from({ length: nVocab }, (_, token) => Math.sin(row * nVocab + token)),
);

/** The mean of the log-probabilities that the rows give the tokens, the forbidden ones left out of the sums. */
const exact = (() => {
  const forbidden = [[eot, 0, 3], [3], [3]];
  const logprobs = rows.map((row, i) => {
    const allowed = row.map((logit, token) => (forbidden[i]?.includes(token) ? Number.NEGATIVE_INFINITY : logit));
    return (allowed[tokens[i] as number] as number) - logSumExp(allowed);
  });
  return logprobs.reduce((sum, value) => sum + value, 0);
})();

function scriptedText() {
  const logits = new Float32Array(rows.flatMap((row) => [...row]));
  const { audio, runs } = scriptedAudio({ logits, text: { tokens: [], logprobs: [] } });
  return { place: { audio, prompt, filters, eot, nVocab }, runs };
}

describe('a text whose log-probability', () => {
  // The mean of -3 / 3, off by up to 0.3 / 3.
  const text = { tokens, logprobs: [-1, -1.5, -0.5], logprobErrors: [0, 0.2, 0.1] };

  test.each([-0.89, -1.11, undefined])('lies clearly on one side of %s is taken as it is', async (threshold) => {
    const { place, runs } = scriptedText();
    expect(await scoredHypothesis(text, threshold, place, undefined)).toEqual({ tokens: [1, 2], sumLogprob: -3 });
    expect(runs).toEqual([]);
  });

  test.each([-0.91, -1, -1.09])(
    'may lie on either side of %s is scoredHypothesis exactly, in one step',
    async (threshold) => {
      const { place, runs } = scriptedText();
      const result = await scoredHypothesis(text, threshold, place, undefined);
      expect(result.tokens).toEqual([1, 2]);
      expect(result.sumLogprob).toBeCloseTo(exact, 5);
      expect(runs.map(({ forwarded }) => forwarded.map((step) => step.tokens))).toEqual([[[...prompt, 1, 2]]]);
      expect(runs[0]?.isDisposed).toBe(true);
    },
  );

  test('is exact is never computed twice', async () => {
    const { place, runs } = scriptedText();
    await scoredHypothesis({ ...text, logprobErrors: [0, 0, 0] }, -1, place, undefined);
    expect(runs).toEqual([]);
  });

  test('cannot be told at all, because nobody knows how far it is off, is scoredHypothesis exactly', async () => {
    const { place } = scriptedText();
    const result = await scoredHypothesis(
      { ...text, logprobErrors: [0, Number.POSITIVE_INFINITY, 0] },
      -50,
      place,
      undefined,
    );
    expect(result.sumLogprob).toBeCloseTo(exact, 5);
  });
});
