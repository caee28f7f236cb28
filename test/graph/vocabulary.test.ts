import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cpuLayers } from '../../src/graph/cpu-layers.ts';
import { createGraph } from '../../src/graph/onnx.ts';
import { addScreenedChoice, logitsGraph } from '../../src/graph/vocabulary.ts';
import { embedding, type WeightLayout } from '../../src/graph/weights.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { expectClose } from '../support/compare.ts';
import { randomValues, randomWeights, smallDimensions } from '../support/random-checkpoint.ts';
import { choose } from '../support/reference-whisper.ts';
import { graphFaults, readModel } from './onnx-reader.ts';
import { floats, integers, type OpenGraph, openGraph, testLayout, valuesOf } from './open-graph.ts';

/** More tokens than the 128 that the screen lets through. */
const dimensions = { ...smallDimensions, nAudioState: 32, nTextState: 32, nVocab: 400 };
const { nTextState, nVocab } = dimensions;
const weights = randomWeights(dimensions);

/** The choice on its own, from a decoder's last state. */
function screenedChoiceGraph(of: ModelDimensions, layout: WeightLayout): Uint8Array {
  const graph = createGraph('choice', 17);
  const hidden = graph.input('hidden', 'f32', ['batch', of.nTextState]);
  addScreenedChoice(cpuLayers(graph, layout, of), of, hidden);
  return graph.serialize();
}

/** A state after the final layer norm and its logits, likeliest token first in `ranked`. */
function state(seed: number) {
  const hidden = randomValues(nTextState, seed);
  const rows = weights.get(embedding)!;
  const logits = Array.from({ length: nVocab }, (_, token) =>
    hidden.reduce((total, value, i) => total + value * rows[token * nTextState + i]!, 0),
  );
  const ranked = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
  return { hidden, logits, ranked };
}

function mask(suppressed: Iterable<number>): Float32Array {
  const values = new Float32Array(nVocab);
  for (const token of suppressed) values[token] = Number.NEGATIVE_INFINITY;
  return values;
}

describe('the logits graph', () => {
  test('is the product with the token embedding, for every row of the batch', async () => {
    await using graph = await openGraph(logitsGraph, dimensions, weights);
    const [a, b] = [state(1), state(2)];
    const hidden = floats([2, nTextState], Float32Array.from([...a.hidden, ...b.hidden]));
    const { logits } = await graph.run({ hidden });
    expect(logits?.dims).toEqual([2, nVocab]);
    expectClose(valuesOf(logits), [...a.logits, ...b.logits]);
  });
});

describe('the screened choice', () => {
  let graph: OpenGraph;
  beforeAll(async () => {
    graph = await openGraph(screenedChoiceGraph, dimensions, weights);
  });
  afterAll(() => graph[Symbol.asyncDispose]());

  async function screened(hidden: Float32Array, suppress: Float32Array) {
    const feeds = {
      hidden: floats([1, nTextState], hidden),
      suppress: floats([nVocab], suppress),
      chosen: integers([1], [0]),
    };
    const { next_token, logprob, margin } = await graph.run(feeds);
    return { token: next_token?.data[0], logprob: Number(logprob?.data[0]), margin: Number(margin?.data[0]) };
  }

  test.each([1, 2, 3, 4, 5, 6])('of state %i is the likeliest token with its log-probability', async (seed) => {
    const { hidden, logits } = state(seed);
    const expected = choose(logits, mask([]));
    const actual = await screened(hidden, mask([]));
    expect(actual.token).toBe(expected.token);
    expect(Math.abs(actual.logprob - expected.logprob)).toBeLessThan(2e-3);
  });

  test('never is a suppressed token, and shares their probability among the others', async () => {
    const { hidden, logits, ranked } = state(1);
    for (const count of [1, 3, 150]) {
      const suppress = mask(ranked.slice(0, count));
      const actual = await screened(hidden, suppress);
      expect(actual.token).toBe(ranked[count]);
      expect(Math.abs(actual.logprob - choose(logits, suppress).logprob)).toBeLessThan(1e-2);
    }
  });

  test('gives logits of several rows, of which the highest and all timestamps are exact', async () => {
    const large = { ...dimensions, nVocab: 2200 };
    const rows = randomValues(large.nVocab * nTextState, 9);
    await using largeGraph = await openGraph(screenedChoiceGraph, large, new Map(weights).set(embedding, rows));
    const hidden = [randomValues(nTextState, 2), randomValues(nTextState, 3), randomValues(nTextState, 4)];
    const feeds = {
      hidden: floats([3, nTextState], Float32Array.from(hidden.flatMap((values) => [...values]))),
      suppress: floats([large.nVocab]),
      chosen: integers([2], [2, 0]),
    };
    const answer = await largeGraph.run(feeds);
    const logits = valuesOf(answer['logits']);
    for (const [i, state] of [hidden[2]!, hidden[0]!].entries()) {
      const exact = Array.from({ length: large.nVocab }, (_, token) =>
        state.reduce((sum, value, j) => sum + value * rows[token * nTextState + j]!, 0),
      );
      const given = logits.subarray(i * large.nVocab, (i + 1) * large.nVocab);
      const ranked = [...exact.keys()].sort((a, b) => exact[b]! - exact[a]!);
      const best = ranked.slice(0, 60);
      expectClose(
        best.map((token) => given[token]!),
        best.map((token) => exact[token]!),
      );
      expectClose(given.subarray(large.nVocab - 1501), exact.slice(large.nVocab - 1501));
      expectClose(given, exact, 0.3);
    }
    expect(answer['next_token']?.data[0]).toBe(
      choose(valuesOf(answer['logits']).slice(large.nVocab) as unknown as number[], new Float32Array(large.nVocab))
        .token,
    );
  });

  test('is certain of the only token allowed', async () => {
    const { hidden, ranked } = state(1);
    const actual = await screened(hidden, mask(ranked.filter((token) => token !== 17)));
    expect(actual.token).toBe(17);
    expect(actual.logprob).toBeCloseTo(0, 6);
    expect(actual.margin).toBe(Number.POSITIVE_INFINITY);
  });

  test('tells how far the answer is ahead of the first token that was not computed in f32', async () => {
    const { hidden, logits, ranked } = state(1);
    const { margin } = await screened(hidden, mask([]));
    expect(margin).toBeGreaterThan(2);
    expect(Math.abs(margin - (logits[ranked[0]!]! - logits[ranked[127]!]!))).toBeLessThan(0.1);
  });

  test('serves vocabularies smaller than the number of candidates', async () => {
    const small = { ...dimensions, nVocab: 40 };
    const few = new Map(weights).set(embedding, weights.get(embedding)!.slice(0, 40 * nTextState));
    await using smallGraph = await openGraph(screenedChoiceGraph, small, few);
    const { hidden, logits } = state(1);
    const feeds = { hidden: floats([1, nTextState], hidden), suppress: floats([40]), chosen: integers([1], [0]) };
    const { next_token, logprob } = await smallGraph.run(feeds);
    const expected = choose(logits.slice(0, 40), new Float32Array(40));
    expect(next_token?.data[0]).toBe(expected.token);
    expectClose(valuesOf(logprob), [expected.logprob]);
  });

  test('is a sound graph', () => {
    for (const build of [logitsGraph, screenedChoiceGraph])
      expect(graphFaults(readModel(build(dimensions, testLayout(dimensions))))).toEqual([]);
  });
});
