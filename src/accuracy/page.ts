import { barChart } from '../report/bar-chart.ts';
import { lineChart } from '../report/line-chart.ts';
import type { Markup } from '../report/markup.ts';
import { paragraph, type Report, reportPage, reportTable, type Section } from '../report/page.ts';
import type { FileComparison } from './compare-recording.ts';
import {
  figureCells,
  figureHeader,
  noticeSentences,
  percentText,
  rateText,
  shareText,
  sideText,
  verdictMeaning,
  verdictText,
} from './figure-texts.ts';
import { layerSeries, layerTable, suspectsText } from './layer-texts.ts';
import { type AccuracyResult, type LayerResult, withShortNames } from './result.ts';

/** As many as a chart has colours for. */
const mostSeries = 6;
/** More bars than these nobody compares. */
const mostBars = 40;

/** A report of a comparison as one HTML document. */
export function accuracyPage(whole: AccuracyResult): string {
  const result = withShortNames(whole);
  const { reference, tested, environment, measuredAt, layers } = result;
  return reportPage({
    title: `Accuracy of ${tested.model} on ${result.standIn ? 'a stand-in for an NPU' : tested.device}`,
    subtitle: `compared with ${sideText(reference)}; whisper-npu accuracy`,
    ...verdictOf(result),
    ...noticeOf(result),
    environment: [['reference', sideText(reference)], ['tested', sideText(tested)], ...Object.entries(environment)],
    sections: [
      figuresSection(result),
      positionsSection(result),
      ...(layers === undefined ? [] : [layersSection(layers)]),
      textsSection(result),
      methodSection(result),
    ],
    measuredAt,
  });
}

function verdictOf(result: AccuracyResult): Pick<Report, 'verdict'> {
  if (result.overall === undefined) return {};
  const meaning = verdictMeaning(result);
  const verdict = { isGood: result.overall.pass, text: verdictText(result) };
  return { verdict: meaning === undefined ? verdict : { ...verdict, meaning } };
}

function noticeOf(result: AccuracyResult): { notice?: string } {
  const sentences = noticeSentences(result);
  return sentences.length === 0 ? {} : { notice: sentences.join(' ') };
}

function figuresSection({ files, overall, thresholdPercent }: AccuracyResult): Section {
  const rows = files.map(({ file, isComplete, figures }) => [
    isComplete ? file : `${file} (part)`,
    ...figureCells(figures),
  ]);
  if (overall !== undefined && files.length > 1) rows.push(['all', ...figureCells(overall.figures)]);
  const worst = worstFiles(files, mostBars);
  const chosen = worst.length < files.length ? ` The ${worst.length} files that differ the most.` : '';
  const differences = barChart({
    title: 'Largest difference of a probability',
    description: `Of any token at any place of the reference's text.${chosen}`,
    unit: '%',
    items: worst.map(({ file, figures }) => ({
      label: file,
      value: figures.maxProbabilityDifferencePercent,
      text: percentText(figures.maxProbabilityDifferencePercent),
    })),
    limit: { at: thresholdPercent, label: `passes under ${thresholdPercent} %` },
  });
  const agreement = barChart({
    title: 'Tokens in common',
    description: `Each side writing of its own accord.${chosen}`,
    unit: '%',
    items: worst.map(({ file, figures }) => ({
      label: file,
      value: 100 * figures.tokenMatch,
      text: `${shareText(figures.tokenMatch)} %`,
    })),
    max: 100,
  });
  return { heading: 'Agreement', content: [reportTable({ header: [...figureHeader], rows }), differences, agreement] };
}

/** The files that differ the most, the worst first. */
function worstFiles(files: readonly FileComparison[], count: number): FileComparison[] {
  const badness = ({ figures }: FileComparison) => {
    const difference = figures.maxProbabilityDifferencePercent;
    return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  };
  return [...files].sort((a, b) => badness(b) - badness(a)).slice(0, count);
}

function positionsSection({ files, thresholdPercent }: AccuracyResult): Section {
  const shown = worstFiles(files, mostSeries);
  const chosen = shown.length < files.length ? ` The ${shown.length} files that differ the most.` : '';
  const chart = lineChart({
    title: 'Difference of probabilities over the place in the text',
    description: `Both sides fed with the reference's tokens; the largest difference of any token's probability.${chosen}`,
    xLabel: 'token of the reference',
    yLabel: '%',
    series: shown.map(({ file, windows }) => ({
      label: file,
      points: windows
        .flatMap(({ positions }) => positions)
        .map(({ maxProbabilityDifferencePercent: y }, i) => ({ x: i + 1, y })),
    })),
    limit: { at: thresholdPercent, label: `passes under ${thresholdPercent} %` },
  });
  return { heading: 'Place by place', content: [chart] };
}

function layersSection(layers: LayerResult): Section {
  const { file, blocks, suspects } = layers;
  const chart = lineChart({
    title: 'Relative error of single blocks over the layers',
    description: `Each fed as the reference's block was, so that errors do not add up; first window of ${file}.`,
    xLabel: 'layer',
    yLabel: 'relative error',
    series: layerSeries(blocks),
  });
  return {
    heading: 'Block by block',
    content: [paragraph(suspectsText(suspects)), chart, reportTable(layerTable(layers))],
  };
}

function textsSection({ files, overall }: AccuracyResult): Section {
  const texts = reportTable({
    header: ['file', 'reference', 'tested'],
    rows: files.map(({ file, referenceText, testedText, figures }) => [
      file,
      referenceText.trim(),
      figures.isExact ? 'the same tokens' : referenceText === testedText ? 'the same text' : testedText.trim(),
    ]),
    textColumns: [1, 2],
  });
  return { heading: 'Texts', content: [texts, ...errorsTable(files, overall?.errors)] };
}

function errorsTable(files: readonly FileComparison[], all: FileComparison['errors']): Markup[] {
  const known = files.flatMap(({ file, errors }) => (errors === undefined ? [] : [{ name: file, errors }]));
  if (known.length === 0) return [];
  const rows = [...known, ...(known.length > 1 && all !== undefined ? [{ name: 'all', errors: all }] : [])];
  const table = reportTable({
    caption: 'Errors against what was really said, after Whisper’s normalisation',
    header: ['file', 'words', 'reference WER', 'tested WER', 'reference CER', 'tested CER'],
    rows: rows.map(({ name, errors: { reference, tested } }) => [
      name,
      tested.words.referenceLength,
      rateText(reference.words),
      rateText(tested.words),
      rateText(reference.characters),
      rateText(tested.characters),
    ]),
  });
  return [table];
}

function methodSection({ thresholdPercent }: AccuracyResult): Section {
  return {
    heading: 'How this was measured',
    content: [
      paragraph(
        'Recordings are cut into windows of up to 30 s. Each side first writes of its own accord (greedy, without timestamps). Then both are fed with the reference’s tokens one by one, and what they say of the next token is compared: the largest difference of a probability over the whole vocabulary, the cosine of the logits, the Kullback-Leibler divergence in nats, whether the likeliest allowed token is the same, and the rank that the reference’s token has on the tested side.',
      ),
      paragraph(`It passes if no probability differs by ${thresholdPercent} % or more.`),
    ],
  };
}
