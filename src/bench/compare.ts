import { quantile } from '../report/quantile.ts';
import { probabilityOfChance } from './rank-test.ts';
import { stageLabels, stageNames, type Workload } from './result.ts';
import type { KnownResult } from './stored-result.ts';

/** One figure of two results. */
export interface ComparisonRow {
  /** 'encoder, median' */
  readonly label: string;
  readonly unit: 'ms' | 'MB' | '1/s' | '';
  readonly baseline: number;
  readonly current: number;
  /** current / baseline */
  readonly ratio: number;
  /** Present where there is enough to judge by. */
  readonly verdict?: Verdict;
}

/** Beyond noise or not; `worse` is slower, or more memory. */
export type Verdict = 'worse' | 'better' | 'same';

export interface Comparison {
  readonly baseline: Side;
  readonly current: Side;
  readonly rows: readonly ComparisonRow[];
  /** What the two did not have in common: 'tokens: 14 against 15'. Then there are no verdicts. */
  readonly differences: readonly string[];
}

/** Whose figures they are. */
type Side = Pick<KnownResult, 'name' | 'device' | 'standIn' | 'published'>;

/** Fewer runs than this on a side say too little of noise. */
const minRuns = 5;
/** How unlikely chance has to be. */
const significance = 0.01;

/** The rule that gives verdicts, for people. @param tolerance as '5 %' */
export function ruleText(tolerance: string): string {
  return (
    `Worse or better: the runs' median differs by more than ${tolerance}, and a one-sided Mann-Whitney test of the runs gives ` +
    `p < ${significance}; at least ${minRuns} runs on each side. Memory: more than ${tolerance}.`
  );
}

/** @param tolerance difference in % that counts as none, whatever the noise */
export function compareResults(baseline: KnownResult, current: KnownResult, tolerance: number): Comparison {
  const differences = differencesOf(baseline, current);
  const row = (
    label: string,
    unit: ComparisonRow['unit'],
    a: number | undefined,
    b: number | undefined,
    verdict?: Verdict,
  ): ComparisonRow[] => {
    if (a === undefined || b === undefined || a === 0) return [];
    const isTold = verdict !== undefined && differences.length === 0;
    return [{ label, unit, baseline: a, current: b, ratio: b / a, ...(isTold ? { verdict } : {}) }];
  };
  const megabytes = (sizeBytes: number | undefined) => (sizeBytes === undefined ? undefined : sizeBytes / 1e6);
  const memory = (label: string, a: number | undefined, b: number | undefined) =>
    row(label, 'MB', megabytes(a), megabytes(b), memoryVerdict(a, b, tolerance));
  const stages = stageNames.flatMap((name) => {
    const [a, b] = [baseline.stages[name], current.stages[name]];
    if (a === undefined || b === undefined) return [];
    const label = stageLabels[name];
    const isWhole = name === 'endToEnd';
    const { runs: before = [] } = a;
    const { runs: after = [] } = b;
    // Published figures have no runs, but may have a mean. Where there are runs, their median is less moved by disturbances.
    if (before.length === 0 || after.length === 0) {
      return [
        ...row(`${label}, mean`, 'ms', a.mean, b.mean),
        ...(isWhole ? row(`${label}, P50`, 'ms', a.p50, b.p50) : []),
        ...(isWhole ? row(`${label}, P99`, 'ms', a.p99, b.p99) : []),
      ];
    }
    return [
      ...row(`${label}, median`, 'ms', median(before), median(after), stageVerdict(before, after, tolerance)),
      ...(isWhole ? row(`${label}, mean`, 'ms', a.mean, b.mean) : []),
      ...(isWhole ? row(`${label}, P99`, 'ms', a.p99, b.p99) : []),
    ];
  });
  return {
    baseline: sideOf(baseline),
    current: sideOf(current),
    rows: [
      ...stages,
      ...row('real time factor', '', baseline.rtf?.mean, current.rtf?.mean),
      ...row('tokens per second', '1/s', baseline.tokensPerSecond?.mean, current.tokensPerSecond?.mean),
      ...memory('peak memory', baseline.peakRssBytes, current.peakRssBytes),
      ...memory('peak device memory', baseline.deviceMemory?.peakBytes, current.deviceMemory?.peakBytes),
    ],
    differences,
  };
}

function sideOf({ name, device, standIn, published }: KnownResult): Side {
  return {
    name,
    standIn,
    ...(device === undefined ? {} : { device }),
    ...(published === undefined ? {} : { published }),
  };
}

/** What each side was measured on, and by whom if not by this program: lines for people. */
export function sideTexts({ baseline, current }: Comparison): string[] {
  return [baseline, current].map(({ name, device = 'an unknown device', standIn, published }) => {
    const warning = standIn ? ' This is a stand-in for CANN, whose figures say nothing of an NPU.' : '';
    return `${name}: ${device}.${warning}${published === undefined ? '' : ` ${published}`}`;
  });
}

function stageVerdict(before: readonly number[], after: readonly number[], tolerance: number): Verdict | undefined {
  if (before.length < minRuns || after.length < minRuns) return undefined;
  const ratio = median(after) / median(before);
  if (ratio > 1 + tolerance / 100) return probabilityOfChance(before, after) < significance ? 'worse' : 'same';
  if (ratio < 1 / (1 + tolerance / 100)) return probabilityOfChance(after, before) < significance ? 'better' : 'same';
  return 'same';
}

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((x, y) => x - y),
    0.5,
  );
}

function memoryVerdict(a: number | undefined, b: number | undefined, tolerance: number): Verdict | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (b > a * (1 + tolerance / 100)) return 'worse';
  return b < a / (1 + tolerance / 100) ? 'better' : 'same';
}

function differencesOf(baseline: KnownResult, current: KnownResult): string[] {
  const kind = ({ standIn }: KnownResult) => (standIn ? 'a stand-in' : 'a real device');
  const isMixed = baseline.standIn !== current.standIn;
  return [
    ...workloadDifferences(baseline.workload, current.workload),
    ...(isMixed ? [`measured on: ${kind(baseline)} against ${kind(current)}`] : []),
  ];
}

function workloadDifferences(a: Partial<Workload>, b: Partial<Workload>): string[] {
  const differ = (what: string, x: string | number | undefined, y: string | number | undefined) =>
    x === undefined || y === undefined || x === y ? [] : [`${what}: ${x} against ${y}`];
  const seconds = (value: number | undefined) => (value === undefined ? undefined : `${value.toFixed(2)} s`);
  // The weights tell, where both are known: one model may be called by its folder here and by its name there.
  const sameWeights = a.modelSha256 !== undefined && a.modelSha256 === b.modelSha256;
  const names = sameWeights ? [] : differ('model', a.model, b.model);
  const weights = names.length > 0 ? [] : differ('weights', a.modelSha256?.slice(0, 12), b.modelSha256?.slice(0, 12));
  return [
    ...names,
    ...weights,
    ...differ('computed in', a.dtype, b.dtype),
    ...differ('audio', seconds(a.audioSeconds), seconds(b.audioSeconds)),
    ...differ('tokens', a.tokens, b.tokens),
  ];
}
