import type { FileComparison } from '../../accuracy/compare-recording.ts';
import {
  figureCells,
  figureHeader,
  noticeSentences,
  rateText,
  sideText,
  verdictMeaning,
  verdictText,
} from '../../accuracy/figure-texts.ts';
import { layerTable, suspectsText } from '../../accuracy/layer-texts.ts';
import { type AccuracyResult, type LayerResult, type SideErrors, withShortNames } from '../../accuracy/result.ts';
import { printable } from '../../printable.ts';
import { table } from '../table.ts';

/** A comparison for the terminal. */
export function accuracyText(whole: AccuracyResult): string {
  const result = withShortNames(whole);
  const { reference, tested, files, layers } = result;
  const meaning = verdictMeaning(result);
  return [
    ...noticeSentences(result),
    `reference  ${sideText(reference)}`,
    `tested     ${sideText(tested)}`,
    '',
    figuresTable(result),
    ...errorsTable(result),
    ...files.map(textsOf),
    '',
    ...(layers === undefined ? [] : [layersText(layers)]),
    verdictText(result),
    ...(meaning === undefined ? [] : [meaning]),
    '',
  ].join('\n');
}

function figuresTable({ files, overall }: AccuracyResult): string {
  const rows = files.map(({ file, isComplete, figures }) => [
    isComplete ? file : `${file} (part)`,
    ...figureCells(figures),
  ]);
  if (overall !== undefined && files.length > 1) rows.push(['all', ...figureCells(overall.figures)]);
  return table(figureHeader, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
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

function textsOf({ file, figures, referenceText, testedText }: FileComparison): string {
  const name = printable(file);
  if (figures.isExact) return `${name}: the same tokens: ${testedText.trim()}`;
  if (referenceText === testedText) return `${name}: the same text in other tokens: ${testedText.trim()}`;
  return `${name}: other texts\n  reference: ${referenceText.trim()}\n  tested:    ${testedText.trim()}`;
}

function layersText(layers: LayerResult): string {
  const { header, rows } = layerTable(layers);
  const heading = `Relative error of each block of the model, fed as the reference's block was (${layers.file}, first window):`;
  return `${heading}\n${table(header, rows)}${suspectsText(layers.suspects)}\n`;
}
