import type { FileComparison } from '../accuracy/compare-recording.ts';
import type { Figures } from '../accuracy/figures.ts';
import { type Block, type BlockDifference, type BlockKind, describeBlock } from '../accuracy/layers.ts';
import {
  type AccuracyResult,
  cosineText,
  type LayerResult,
  percentText,
  type Side,
  type SideErrors,
  shareText,
  smallText,
  verdictText,
} from '../accuracy/result.ts';
import { errorRate } from '../accuracy/word-errors.ts';
import { table } from './table.ts';

const standInText = 'Measured on a stand-in for CANN that computes on the CPU: these figures say nothing of an NPU.';

/** A comparison for the terminal. */
export function accuracyText(result: AccuracyResult): string {
  const { reference, tested, files, layers, standIn, complete } = result;
  return [
    ...(standIn ? [standInText] : []),
    ...(complete ? [] : ['Interrupted: this is what had been compared until then.']),
    `reference  ${sideText(reference)}`,
    `tested     ${sideText(tested)}`,
    '',
    figuresTable(result),
    ...errorsTable(result),
    ...files.map(textsOf),
    '',
    ...(layers === undefined ? [] : [layersText(layers)]),
    `${verdictText(result)}${standIn ? ' (on the stand-in)' : ''}`,
    '',
  ].join('\n');
}

function sideText({ model, device, dtype }: Side): string {
  return `${model}${dtype === undefined ? '' : `, ${dtype}`}, ${device}`;
}

function figuresTable({ files, overall }: AccuracyResult): string {
  const rows = files.map(({ file, isComplete, figures }) => [isComplete ? file : `${file} (part)`, ...cells(figures)]);
  if (overall !== undefined && files.length > 1) rows.push(['all', ...cells(overall.figures)]);
  const header = ['', 'tokens', 'same', 'prob. diff.', 'cosine', 'KL', 'top 1', 'rank', 'encoder diff.', 'cosine'];
  return table(header, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

function cells(figures: Figures): string[] {
  const { encoder } = figures;
  return [
    String(figures.positions),
    `${shareText(figures.tokenMatch)} %`,
    percentText(figures.maxProbabilityDifferencePercent),
    cosineText(figures.minCosine),
    smallText(figures.maxKlDivergence),
    `${shareText(figures.top1Agreement)} %`,
    String(figures.worstRank),
    encoder === undefined ? '-' : smallText(encoder.maxAbs),
    encoder === undefined ? '-' : cosineText(encoder.minCosine),
  ];
}

/** Word and character error rates, where transcripts are known. */
function errorsTable({ files, overall }: AccuracyResult): string[] {
  const known = files.flatMap(({ file, errors }) => (errors === undefined ? [] : [errorCells(file, errors)]));
  if (known.length === 0 || overall?.errors === undefined) return [];
  const rows = known.length > 1 ? [...known, errorCells('all', overall.errors)] : known;
  const header = ['', 'words', 'WER', 'sub', 'ins', 'del', 'CER', 'reference WER', 'CER'];
  return [table(header, rows, [1, 2, 3, 4, 5, 6, 7, 8])];
}

function errorCells(name: string, { reference, tested }: SideErrors): string[] {
  const { words } = tested;
  const counts = [words.substitutions, words.insertions, words.deletions].map(String);
  return [
    name,
    String(words.referenceLength),
    rateText(words),
    ...counts,
    rateText(tested.characters),
    rateText(reference.words),
    rateText(reference.characters),
  ];
}

function rateText(counts: Parameters<typeof errorRate>[0]): string {
  const rate = errorRate(counts);
  return Number.isFinite(rate) ? `${(100 * rate).toFixed(2)} %` : '-';
}

function textsOf({ file, figures, referenceText, testedText }: FileComparison): string {
  if (figures.isExact) return `${file}: the same tokens: ${testedText.trim()}`;
  if (referenceText === testedText) return `${file}: the same text in other tokens: ${testedText.trim()}`;
  return `${file}: other texts\n  reference: ${referenceText.trim()}\n  tested:    ${testedText.trim()}`;
}

const kinds: readonly BlockKind[] = ['self-attention', 'cross-attention', 'feed-forward'];

function layersText({ file, blocks, suspects }: LayerResult): string {
  const isSuspect = (block: BlockDifference) => suspects.includes(block);
  const cell = (block: BlockDifference | undefined) =>
    block === undefined ? '' : `${smallText(block.relative)}${isSuspect(block) ? ' <' : ''}`;
  const layerRows = [...new Set(blocks.map(rowName))].map((name) => {
    const ofRow = blocks.filter((block) => rowName(block) === name);
    const [only] = ofRow;
    if (only?.layer === undefined) return [name, cell(only)];
    return [name, '', ...kinds.map((kind) => cell(ofRow.find((block) => block.kind === kind)))];
  });
  const heading = `Relative error of each block of the model, fed as the reference's block was (${file}, first window):`;
  return `${heading}\n${table(['', 'whole', ...kinds], layerRows)}${suspectsText(suspects)}\n`;
}

/** Layers have a row each; what comes before and after them has one of its own. */
function rowName(block: Block): string {
  return block.layer === undefined ? describeBlock(block) : `${block.part} layer ${block.layer}`;
}

/** Names what stands out. */
export function suspectsText(suspects: readonly BlockDifference[]): string {
  const [first, ...more] = suspects;
  if (first === undefined) return 'No block stands out.';
  const also = more.length === 0 ? '' : `; then ${more.map(describeBlock).join('; ')}`;
  return `First to stand out: ${describeBlock(first)} (relative error ${smallText(first.relative)})${also}.`;
}
