import type { GraphProfile } from '../../backend/cpu/profile.ts';
import { standInNotice } from '../../backend/stand-in-notice.ts';
import { type Comparison, sideTexts } from '../../bench/compare.ts';
import { type BenchResult, stageLabels, stageNames, unknownPeakText } from '../../bench/result.ts';
import type { Summary } from '../../bench/stats.ts';
import { shortNumber } from '../../report/scale.ts';
import { table } from '../table.ts';

/** A measurement for the terminal. */
export function benchText(result: BenchResult): string {
  const { workload, device, runs, warmupRuns, stages, rtf, tokensPerSecond, standIn, complete } = result;
  const rows = stageNames.flatMap((name) => {
    const summary = stages[name];
    return summary === undefined ? [] : [[stageLabels[name], 'ms', ...cells(summary)]];
  });
  rows.push(['real time factor', '', ...cells(rtf)], ['tokens per second', '1/s', ...cells(tokensPerSecond)]);
  const header = ['', 'unit', 'n', 'min', 'mean', '± 95 %', 'P50', 'P90', 'P99', 'max'];
  const forced = workload.forcedTokens ? ' (as many as asked for)' : '';
  return [
    ...(standIn ? [standInNotice(device)] : []),
    ...(complete ? [] : [`Interrupted: this is what had been measured until then.`]),
    `${workload.model}, ${workload.dtype}, ${device}`,
    `${workload.audio}; ${runs} ${runs === 1 ? 'run' : 'runs'} after ${warmupRuns} to warm up; ${workload.tokens} tokens a run${forced}`,
    '',
    table(header, rows, [2, 3, 4, 5, 6, 7, 8, 9]),
    memoryText(result),
    environmentText(result),
    '',
  ].join('\n');
}

/** Where the time goes: operators that take 1 % of their graph's time or more, the rest together. */
export function profileText(profiles: readonly GraphProfile[]): string {
  const rows = profiles.flatMap(({ graph, executions, executionMs, operators }) => {
    const shown = operators.filter(({ elapsedMs }) => elapsedMs >= 0.01 * executionMs);
    const rest = executionMs - shown.reduce((total, { elapsedMs }) => total + elapsedMs, 0);
    const row = (operator: string, calls: string, elapsedMs: number) => [
      operator,
      calls,
      shortNumber(elapsedMs),
      `${((100 * elapsedMs) / executionMs).toFixed(1)} %`,
    ];
    return [
      row(`${graph}, mean of ${executions}`, '', executionMs),
      ...shown.map(({ operator, calls, elapsedMs }) => row(`  ${operator}`, String(Math.round(calls)), elapsedMs)),
      row('  all else, and between them', '', rest),
    ];
  });
  return table(['one execution of', 'calls', 'ms', 'share'], rows, [1, 2, 3]);
}

function cells({ count, min, mean, meanCi95, p50, p90, p99, max }: Summary): string[] {
  const interval = meanCi95 === undefined ? '-' : shortNumber((meanCi95[1] - meanCi95[0]) / 2);
  return [String(count), shortNumber(min), shortNumber(mean), interval, ...[p50, p90, p99, max].map(shortNumber)];
}

function memoryText({ peakRssBytes, deviceMemory }: BenchResult): string {
  const gigabytes = (sizeBytes: number) => `${(sizeBytes / 1e9).toFixed(2)} GB`;
  const own = `peak memory ${peakRssBytes === undefined ? unknownPeakText : gigabytes(peakRssBytes)}`;
  if (deviceMemory === undefined) return own;
  const { beforeBytes, loadedBytes, peakBytes, totalBytes } = deviceMemory;
  const [before, loaded, peak, total] = [beforeBytes, loadedBytes, peakBytes, totalBytes].map(gigabytes);
  return `${own}; device memory ${before} before the model, ${loaded} with it, at most ${peak} of ${total}`;
}

function environmentText({ environment }: BenchResult): string {
  return Object.entries(environment)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
}

/** Two results side by side for the terminal. */
export function comparisonText(comparison: Comparison): string {
  const { baseline, current, differences } = comparison;
  const rows = comparison.rows.map((row) => [
    row.label,
    row.unit,
    shortNumber(row.baseline),
    shortNumber(row.current),
    row.ratio.toFixed(3),
    row.verdict ?? '-',
  ]);
  const lines = [
    ...sideTexts(comparison),
    ...(differences.length === 0 ? [] : [`Not the same work, so no verdict: ${differences.join('; ')}.`]),
  ];
  const header = ['', 'unit', baseline.name, current.name, 'ratio', 'verdict'];
  return `${table(header, rows, [2, 3, 4])}${lines.map((line) => `${line}\n`).join('')}`;
}
