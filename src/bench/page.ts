import { standInNotice } from '../backend/stand-in-notice.ts';
import { lineChart } from '../report/line-chart.ts';
import { paragraph, reportPage, reportTable, type Section } from '../report/page.ts';
import { shortNumber } from '../report/scale.ts';
import { stripChart } from '../report/strip-chart.ts';
import { type Comparison, ruleText, sideTexts } from './compare.ts';
import { type BenchResult, stageLabels, stageNames, unknownPeakText } from './result.ts';
import type { Summary } from './stats.ts';
import type { StageTimes } from './summarize-runs.ts';

/** A comparison and what it was made with. */
export interface PageComparison {
  readonly comparison: Comparison;
  readonly tolerance: number;
}

/** A report of a measurement as one HTML document. */
export function benchPage(result: BenchResult, times: StageTimes, compared: PageComparison | undefined): string {
  const { workload, device, runs, warmupRuns, standIn } = result;
  return reportPage({
    title: `${workload.model} on ${standIn ? 'a stand-in for an NPU' : device}`,
    subtitle: `${workload.audio}; ${workload.dtype}; ${runs} ${runs === 1 ? 'run' : 'runs'} after ${warmupRuns} to warm up; whisper-npu bench`,
    ...noticeOf(result),
    environment: [['device', device], ...Object.entries(result.environment), ...modelFacts(result)],
    sections: [stagesSection(result, times), tokensSection(result), ...comparisonSection(compared), methodSection()],
    measuredAt: result.measuredAt,
  });
}

function noticeOf({ standIn, device, complete }: BenchResult): { notice?: string } {
  const sentences = [
    ...(standIn ? [standInNotice(device)] : []),
    ...(complete ? [] : ['The measurement was interrupted: this is what had been measured until then.']),
  ];
  return sentences.length === 0 ? {} : { notice: sentences.join(' ') };
}

function modelFacts({ workload }: BenchResult): [string, string][] {
  const { model, modelSha256 } = workload;
  return [
    ['model', model],
    ...(modelSha256 === undefined ? [] : [['weights', `SHA-256 ${modelSha256}`] as [string, string]]),
  ];
}

const summaryHeader = ['min', 'mean', '± 95 %', 'P50', 'P90', 'P99', 'max'];

function summaryCells({ min, mean, meanCi95, p50, p90, p99, max }: Summary): string[] {
  const interval = meanCi95 === undefined ? '–' : shortNumber((meanCi95[1] - meanCi95[0]) / 2);
  const [first = '', second = '', ...rest] = [min, mean, p50, p90, p99, max].map(shortNumber);
  return [first, second, interval, ...rest];
}

function stagesSection({ stages, rtf, tokensPerSecond }: BenchResult, times: StageTimes): Section {
  const rows = stageNames.flatMap((name) => {
    const summary = stages[name];
    return summary === undefined ? [] : [[stageLabels[name], 'ms', String(summary.count), ...summaryCells(summary)]];
  });
  const others: [string, string, Summary][] = [
    ['real time factor', '', rtf],
    ['tokens per second', '1/s', tokensPerSecond],
  ];
  for (const [label, unit, summary] of others)
    rows.push([label, unit, String(summary.count), ...summaryCells(summary)]);
  const chart = stripChart({
    title: 'How the times spread',
    description: 'A dot per measurement, a box from P25 to P75, a line at the median; each row has an axis of its own.',
    unit: 'ms',
    rows: stageNames.map((name) => ({ label: stageLabels[name], values: times[name].flat() })),
  });
  const header = ['stage', 'unit', 'n', ...summaryHeader];
  return { heading: 'Stages', content: [reportTable({ header, rows, textColumns: [1] }), chart] };
}

function tokensSection({ tokenLatenciesMs, workload, peakRssBytes, deviceMemory, text }: BenchResult): Section {
  const forced = workload.forcedTokens ? ', as many as were asked for whatever the model says' : '';
  const chart = lineChart({
    title: 'Time of each token over its place in the text',
    description: 'The median of the runs; the band is from P10 to P90.',
    xLabel: 'place in the text; the first token comes with the prefill',
    yLabel: 'ms',
    series: [
      {
        label: 'token',
        points: tokenLatenciesMs.map(({ position, p10, p50, p90 }) => ({
          x: position + 1,
          y: p50,
          low: p10,
          high: p90,
        })),
      },
    ],
  });
  const gigabytes = (sizeBytes: number) => `${(sizeBytes / 1e9).toFixed(2)} GB`;
  const rows = [['resident memory, peak', peakRssBytes === undefined ? unknownPeakText : gigabytes(peakRssBytes)]];
  if (deviceMemory !== undefined) {
    rows.push(['device memory before the model', gigabytes(deviceMemory.beforeBytes)]);
    rows.push(['device memory with the model', gigabytes(deviceMemory.loadedBytes)]);
    rows.push(['device memory, peak', gigabytes(deviceMemory.peakBytes)]);
    rows.push(['device memory in all', gigabytes(deviceMemory.totalBytes)]);
  }
  return {
    heading: 'Tokens and memory',
    content: [
      paragraph(`${workload.tokens} tokens a run, the end token included${forced}: “${text}”`),
      ...(tokenLatenciesMs.length === 0 ? [] : [chart]),
      reportTable({ header: ['memory', ''], rows }),
    ],
  };
}

function comparisonSection(compared: PageComparison | undefined): Section[] {
  if (compared === undefined) return [];
  const { comparison, tolerance } = compared;
  const { baseline: other, current: own, differences } = comparison;
  const rows = comparison.rows.map(({ label, unit, baseline, current, ratio, verdict }) => [
    label,
    unit,
    shortNumber(baseline),
    shortNumber(current),
    ratio.toFixed(3),
    verdict ?? '–',
  ]);
  const header = ['figure', 'unit', other.name, own.name, 'ratio', 'verdict'];
  const notes = [
    ...sideTexts(comparison),
    ...(differences.length === 0 ? [] : [`Not the same work, so no verdict: ${differences.join('; ')}.`]),
    ...(differences.length === 0 ? [ruleText(`${tolerance} %`)] : []),
  ];
  return [
    {
      heading: `Against ${other.name}`,
      content: [reportTable({ header, rows, textColumns: [1, 5] }), ...notes.map(paragraph)],
    },
  ];
}

function methodSection(): Section {
  return {
    heading: 'How it was measured',
    content: [
      paragraph(
        'Load: from a checkpoint on disk, prepared before, to a model that is ready; once. Features: log-mel spectrogram. ' +
          'Encoder: one window of 30 s, with the way to the device and the decoder’s cross-attention keys and values. ' +
          'Prefill: the prompt, up to the first token. Token: a decoder step behind it. End to end: samples in memory to text.',
      ),
      paragraph(
        'Where a device is given several steps at once (an NPU), a token’s time is its share of the steps that were waited ' +
          'for together, and the prefill is timed in a text of its own.',
      ),
      paragraph(
        'Percentiles interpolate linearly between neighbours. ± 95 % is half the width of a confidence interval of the mean of ' +
          'the runs’ means, by Student’s t. Device memory is what the device says is in use, by whomever, between runs.',
      ),
    ],
  };
}
