import { expect, test } from 'vitest';
import type { RunTimes } from '../../src/bench/measure.ts';
import { stageTimes, summarizeStage, tokenLatencies } from '../../src/bench/summarize-runs.ts';

const run = (...tokenMs: number[]): RunTimes => ({
  featuresMs: [5],
  encoderMs: [400],
  prefillMs: [30],
  tokens: tokenMs.map((elapsedMs, i) => ({ position: i + 1, elapsedMs })),
  endToEndMs: 600,
  decodeMs: 100,
  tokenIds: [],
  text: '',
});

test('percentiles are of all values, the interval is of the runs', () => {
  const summary = summarizeStage([
    [10, 10, 10],
    [20, 20, 20],
  ]);
  expect(summary).toMatchObject({ count: 6, min: 10, mean: 15, max: 20, runs: [10, 20] });
  // Two means with a standard deviation of 7.07: t(1) * 7.07 / sqrt(2) = 63.5. Six values would promise 5.7.
  expect(summary?.meanCi95?.[1]).toBeCloseTo(15 + 63.53, 1);
});

test('a stage that never was is not summarized, and a run without it does not count', () => {
  expect(summarizeStage([[], []])).toBeUndefined();
  expect(summarizeStage([[3], []])?.runs).toEqual([3]);
});

test('stages keep their values run by run', () => {
  const times = stageTimes(900, [run(11, 12), run(13)]);
  expect(times).toMatchObject({
    load: [[900]],
    encoder: [[400], [400]],
    token: [[11, 12], [13]],
    endToEnd: [[600], [600]],
  });
});

test('tokens are gathered by their place in the text', () => {
  expect(tokenLatencies([run(11, 12), run(13)])).toEqual([
    { position: 1, p10: 11.2, p50: 12, p90: 12.8 },
    { position: 2, p10: 12, p50: 12, p90: 12 },
  ]);
});
