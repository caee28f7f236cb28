import { describe, expect, test } from 'vitest';
import { beamSearch, candidatesPerHypothesis } from '../../src/decoding/beam-search.ts';
import { sampling } from '../../src/decoding/sampling.ts';
import { bestHypothesis, type Hypothesis, type Search } from '../../src/decoding/search.ts';
import { type Candidate, likeliestCandidates } from '../../src/logits/candidates.ts';

const eot = 4;

/** Log-probabilities of what follows a text, by a table of probabilities; -inf for what the table lacks. */
function searchIn<Scores>(
  search: Search<Scores>,
  scores: (logits: Float32Array) => Scores,
  table: (tokens: readonly number[]) => readonly number[],
  steps: number,
): Hypothesis[] {
  let sequences: readonly Hypothesis[] = [{ tokens: [], sumLogprob: 0 }];
  for (let i = 0; i < steps; i++) {
    const rows = sequences.map(({ tokens }) => scores(Float32Array.from(table(tokens), Math.log)));
    const step = search.update(sequences, rows);
    for (const [j, { tokens }] of step.hypotheses.entries())
      expect(tokens.slice(0, -1)).toEqual(sequences[step.parents[j]!]!.tokens);
    sequences = step.hypotheses;
    if (step.isComplete) break;
  }
  return search.finish(sequences);
}

const logits = (row: Float32Array) => row;

/** What beams of that number see. */
function candidates(beamSize: number): (row: Float32Array) => readonly Candidate[] {
  return (row) =>
    likeliestCandidates(row, candidatesPerHypothesis(beamSize), { suppress: new Float32Array(row.length) });
}

/** Greedy takes 0 first (0.5), but what follows 1 (0.4) is far surer. */
const trap = (tokens: readonly number[]): readonly number[] => {
  if (tokens.length === 0) return [0.5, 0.4, 0.05, 0.05, 0];
  if (tokens.length === 1) return tokens[0] === 1 ? [0, 0, 0.95, 0.05, 0] : [0.3, 0.3, 0.2, 0.2, 0];
  return [0, 0, 0, 0.01, 0.99];
};

describe('searching', () => {
  test('greedily falls into a trap that beams do not', () => {
    const greedy = sampling({ eot, temperature: 0, hypothesisCount: 1, random: Math.random });
    expect(searchIn(greedy, logits, trap, 10)[0]?.tokens).toEqual([0, 0]);
    const beams = searchIn(beamSearch({ eot, beamSize: 2, patience: 1 }), candidates(2), trap, 10);
    const best = bestHypothesis(beams, undefined);
    expect(best.tokens).toEqual([1, 2]);
    expect(best.sumLogprob).toBeCloseTo(Math.log(0.4 * 0.95 * 0.99), 5);
  });

  test('with beams waits for as many finished sequences as patience says, and fills up from the rest', () => {
    const endless = (tokens: readonly number[]) => (tokens.length < 3 ? [0.6, 0.3, 0.1, 0, 0] : [0.5, 0.1, 0, 0, 0.4]);
    const patient = searchIn(beamSearch({ eot, beamSize: 2, patience: 2 }), candidates(2), endless, 8);
    expect(patient.length).toBe(4);
    const cut = searchIn(beamSearch({ eot, beamSize: 3, patience: 1 }), candidates(3), endless, 3);
    expect(cut.map(({ tokens }) => tokens.length)).toEqual([3, 3, 3]);
    expect(cut.map(({ sumLogprob }) => sumLogprob)).toEqual(
      cut.map(({ sumLogprob }) => sumLogprob).sort((a, b) => b - a),
    );
  });

  test('with beams keeps as many sequences unfinished where one of them ends', () => {
    const search = beamSearch({ eot, beamSize: 2, patience: 1 });
    const likeliest = Float32Array.from([0.3, 0.2, 0, 0, 0.5], Math.log);
    const { hypotheses } = search.update([{ tokens: [], sumLogprob: 0 }], [candidates(2)(likeliest)]);
    expect(hypotheses.map(({ tokens }) => tokens)).toEqual([[0], [1]]);
  });

  test('counts the end token, and nothing behind it', () => {
    const two = sampling({ eot, temperature: 1, hypothesisCount: 2, random: draws([0.1, 0.9, 0.5]) });
    const table = (tokens: readonly number[]) => {
      if (tokens.includes(eot)) return [0.5, 0.5, 0, 0, 0];
      return tokens.length === 0 ? [0.5, 0, 0, 0, 0.5] : [0, 0, 0, 0, 1];
    };
    const [first, second] = searchIn(two, logits, table, 5);
    expect(first).toEqual({ tokens: [0], sumLogprob: expect.closeTo(Math.log(0.5), 5) });
    expect(second).toEqual({ tokens: [], sumLogprob: expect.closeTo(Math.log(0.5), 5) });
  });

  test('ranks by the mean, or by the length penalty', () => {
    const short = { tokens: [1], sumLogprob: -1 };
    const long = { tokens: [1, 2, 3, 0], sumLogprob: -2.4 };
    expect(bestHypothesis([short, long], undefined)).toBe(long);
    expect(bestHypothesis([short, long], 0)).toBe(short);
    expect(bestHypothesis([short, { tokens: [], sumLogprob: -0.5 }], undefined).tokens).toEqual([]);
  });
});

function draws(list: readonly number[]): () => number {
  let i = 0;
  return () => list[i++ % list.length]!;
}
