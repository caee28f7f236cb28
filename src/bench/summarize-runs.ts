import { quantile } from '../report/quantile.ts';
import type { RunTimes } from './measure.ts';
import type { StageName, StageSummary, TokenLatency } from './result.ts';
import { type Summary, summarize } from './stats.ts';

/** Values of a stage, a list per run. */
export type StageTimes = Readonly<Record<StageName, readonly (readonly number[])[]>>;

export function stageTimes(loadMs: number, runs: readonly RunTimes[]): StageTimes {
  return {
    load: [[loadMs]],
    features: runs.map(({ featuresMs }) => featuresMs),
    encoder: runs.map(({ encoderMs }) => encoderMs),
    prefill: runs.map(({ prefillMs }) => prefillMs),
    token: runs.map(({ tokens }) => tokens.map(({ elapsedMs }) => elapsedMs)),
    endToEnd: runs.map(({ endToEndMs }) => [endToEndMs]),
  };
}

/**
 * All values of a stage in one summary, but the interval of the runs' means: tokens of one run are slow or fast together,
 * so counting each as a measurement of its own would promise too much.
 */
export function summarizeStage(runs: readonly (readonly number[])[]): StageSummary | undefined {
  const measured = runs.filter((values) => values.length > 0);
  const means = measured.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  const all = summarize(measured.flat());
  if (all === undefined) return undefined;
  const { meanCi95: _, ...rest } = all;
  const meanCi95 = summarize(means)?.meanCi95;
  return { ...rest, ...(meanCi95 === undefined ? {} : { meanCi95 }), runs: means };
}

/** @throws RangeError for no runs */
export function summarizeRuns(runs: readonly RunTimes[], value: (run: RunTimes) => number): Summary {
  const summary = summarize(runs.map(value));
  if (summary === undefined) throw new RangeError('there are no runs to summarize');
  return summary;
}

export function tokenLatencies(runs: readonly RunTimes[]): TokenLatency[] {
  const byPosition = new Map<number, number[]>();
  for (const { position, elapsedMs } of runs.flatMap(({ tokens }) => tokens)) {
    const times = byPosition.get(position) ?? [];
    times.push(elapsedMs);
    byPosition.set(position, times);
  }
  return [...byPosition]
    .sort(([a], [b]) => a - b)
    .map(([position, times]) => {
      const sorted = times.sort((a, b) => a - b);
      return { position, p10: quantile(sorted, 0.1), p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) };
    });
}
