import type { BenchResult, StageSummary } from '../../src/bench/result.ts';
import type { KnownResult } from '../../src/bench/stored-result.ts';
import { summarizeStage } from '../../src/bench/summarize-runs.ts';

export const workload = {
  model: 'whisper-base',
  modelSha256: 'd01c3014881c9c6f',
  dtype: 'float32',
  audioSeconds: 4,
  audio: 'sample, 4.0 s',
  tokens: 14,
  forcedTokens: false,
} as const;

/** Runs of about `middle` ms that spread by a few percent, the same for the same arguments. */
export function runsAround(middle: number, count = 20): number[] {
  return Array.from({ length: count }, (_, i) => middle * (1 + (((i * 7) % 11) - 5) / 200));
}

export function stage(runs: readonly number[]): StageSummary {
  const summary = summarizeStage(runs.map((value) => [value]));
  if (summary === undefined) throw new Error('a stage has runs');
  return summary;
}

export function knownResult(
  name: string,
  encoderMs: readonly number[],
  changes: Partial<KnownResult> = {},
): KnownResult {
  return {
    name,
    standIn: false,
    device: 'CPU',
    workload,
    stages: encoderMs.length === 0 ? {} : { encoder: stage(encoderMs) },
    ...changes,
  };
}

export function benchResult(changes: Partial<BenchResult> = {}): BenchResult {
  return {
    kind: 'whisper-npu bench',
    version: 1,
    measuredAt: '2026-01-01T00:00:00.000Z',
    standIn: false,
    complete: true,
    device: 'CPU, 2 threads',
    workload,
    runs: 20,
    warmupRuns: 3,
    stages: { load: stage([900]), encoder: stage(runsAround(400)), endToEnd: stage(runsAround(600)) },
    tokensPerSecond: stage(runsAround(60)),
    rtf: stage(runsAround(0.15)),
    peakRssBytes: 6e8,
    tokenLatenciesMs: [{ position: 1, p10: 11, p50: 12, p90: 14 }],
    environment: { CPU: 'Some CPU', Node: 'v20' },
    text: 'what was said',
    ...changes,
  };
}
