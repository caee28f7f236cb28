import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecoderRun } from '../../src/backend/backend.ts';
import { chooseToken, decodeGreedily } from '../../src/backend/greedy.ts';
import { decodeWindowsGreedily } from '../../src/decoding/greedy-decoding.ts';
import { searchHypotheses } from '../../src/decoding/hypothesis-search.ts';
import type { DecodingOptions } from '../../src/decoding/options.ts';
import { seededRandom } from '../../src/decoding/random.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import { withoutEnd } from '../../src/decoding/search.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';

const special = specialTokens(51865);
const { nVocab, eot, timestampBegin } = special;
const generation = { suppressTokens: [3, 5], beginSuppressTokens: [2, eot], alignmentHeads: [], maxLength: 448 };
const rules = decodingRules(special, generation);

/** A text whose logits behind every token are drawn: a few tokens of text, the end and some times stand out. */
function drawnRun(seed: number): { run: DecoderRun; logits: () => Float32Array } {
  const random = seededRandom(seed);
  const logits = () => {
    const row = new Float32Array(nVocab).fill(-20);
    for (const token of [0, 1, 2, 3, 4, 5, 6, eot]) row[token] = 6 * random();
    for (let time = 0; time < 40; time++) row[timestampBegin + time] = 4 * random();
    return row;
  };
  const run: DecoderRun = {
    forward: async () => ({ logits: logits() }),
    candidates: () => Promise.reject(new Error('greedy decoding asks for none')),
    nextLogprobs: () => Promise.reject(new Error('nobody should nextLogprobs')),
    greedy: (request) =>
      decodeGreedily(
        request,
        {
          lengths: [0],
          append: () => {},
          truncate: () => {},
          choose: (_, allowed) => allowed.map((ofText) => chooseToken(logits(), ofText)),
        },
        () => false,
      ),
    async [Symbol.asyncDispose]() {},
  };
  return { run, logits };
}

describe('greedy decoding by the backend', () => {
  test('gives what the search gives without beams, token by token', async () => {
    const cases = fc.record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      timestamps: fc.boolean(),
      suppress: fc.subarray([1, 4, 6]),
      maxTokens: fc.integer({ min: 1, max: 30 }),
    });
    const lengths = new Set<number>();
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, timestamps, suppress, maxTokens }) => {
        const options: DecodingOptions = {
          task: 'transcribe',
          timestamps,
          temperature: 0,
          beamSize: 1,
          bestOf: 1,
          patience: 1,
          previous: [],
          prefix: [],
          suppress,
          logprobThreshold: -1,
          maxInitialTimestampSeconds: 0.4,
          random: Math.random,
        };
        const begin = () => {
          const { run, logits } = drawnRun(seed);
          return { run, logits, beginning: { rules, options, maxTokens } };
        };
        const { run, logits, beginning } = begin();
        const [searched] = await searchHypotheses(run, { ...beginning, logits: [logits()] }, undefined);
        const again = begin();
        const [text] = await decodeWindowsGreedily(again.run, again.beginning, [[special.sot]], undefined);
        const { tokens = [], logprobs = [] } = text ?? {};
        const greedy = withoutEnd({ tokens, sumLogprob: logprobs.reduce((sum, value) => sum + value) }, eot);
        expect(greedy.tokens).toEqual(searched?.tokens);
        expect(greedy.sumLogprob).toBeCloseTo(searched?.sumLogprob ?? Number.NaN, 4);
        lengths.add(greedy.tokens.length);
      }),
      { numRuns: 60 },
    );
    expect(lengths.size).toBeGreaterThan(5);
  });
});
