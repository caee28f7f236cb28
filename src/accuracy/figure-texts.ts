import { standInNotice } from '../backend/stand-in-notice.ts';
import type { Figures } from './figures.ts';
import type { AccuracyResult, Side } from './result.ts';
import { type ErrorCounts, errorRate } from './word-errors.ts';

/** Heads the columns of {@link figureCells}, after the file's name. */
export const figureHeader = [
  '',
  'tokens',
  'same',
  'prob. diff.',
  'cosine',
  'KL',
  'top 1',
  'rank',
  'encoder diff.',
  'cosine',
] as const;

/** Figures as people read them. */
export function figureCells(figures: Figures): string[] {
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

/** What a reader must know before any figure. */
export function noticeSentences({ standIn, tested, complete }: AccuracyResult): string[] {
  return [
    ...(standIn ? [standInNotice(tested.device)] : []),
    ...(complete ? [] : ['The comparison was broken off: this is what had been compared until then.']),
  ];
}

export function sideText({ model, device, dtype }: Side): string {
  return `${model}, ${dtype}, ${device}`;
}

/** What the verdict comes to. */
export function verdictText({ overall, thresholdPercent, complete, standIn }: AccuracyResult): string {
  if (overall === undefined) return 'Nothing was compared.';
  const { figures, pass } = overall;
  const difference = `largest probability difference ${percentText(figures.maxProbabilityDifferencePercent)}`;
  const relation = pass ? 'under' : 'not under';
  const where = standIn ? ' (on the stand-in)' : '';
  return `${pass ? 'PASS' : 'FAIL'}${complete ? '' : ' so far'}: ${difference}, ${relation} ${thresholdPercent} %${where}`;
}

/**
 * What a failure means where the type and not the device explains it: 8 bits round more than the threshold for devices allows.
 * Undefined where there is nothing to add to the verdict.
 */
export function verdictMeaning({ overall, tested, reference, thresholdPercent }: AccuracyResult): string | undefined {
  if (overall === undefined || overall.pass || tested.dtype !== 'int8' || reference.dtype === 'int8') return undefined;
  const same = shareText(overall.figures.top1Agreement);
  return (
    `int8 rounds weights to 8 bits, which moves probabilities by more than ${thresholdPercent} % wherever the model is unsure. ` +
    `The likeliest token is the same in ${same} % of the places. --threshold 100 compares without failing for this.`
  );
}

/** A difference in percent, with the first digits of a small one. */
export function percentText(percent: number): string {
  if (percent === 0 || !Number.isFinite(percent)) return `${percent} %`;
  return `${percent >= 0.001 ? percent.toFixed(4) : percent.toExponential(1)} %`;
}

/** A cosine, which is 1 only where it is. */
function cosineText(cosine: number): string {
  if (cosine === 1 || !Number.isFinite(cosine)) return String(cosine);
  const shown = cosine.toFixed(8);
  return Number(shown) === 1 ? `1 - ${(1 - cosine).toExponential(1)}` : shown;
}

/** A small number, which is 0 only where it is. */
export function smallText(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(1);
}

/** A share of 1 in percent, which is 100 only where it is all. */
export function shareText(share: number): string {
  return share === 1 || share === 0 ? String(100 * share) : (Math.floor(1000 * share) / 10).toFixed(1);
}

/** Errors in percent of what was said; nothing can be said where nothing was. */
export function rateText(counts: ErrorCounts): string {
  const rate = errorRate(counts);
  return Number.isFinite(rate) ? `${(100 * rate).toFixed(2)} %` : '-';
}
