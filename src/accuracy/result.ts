import { shortNames } from '../report/short-names.ts';
import type { FileComparison } from './compare-recording.ts';
import { type Figures, figuresOf, passes } from './figures.ts';
import type { LayerComparison } from './layers.ts';
import { type ErrorCounts, sumErrors } from './word-errors.ts';

/** One of the two that are held against each other. */
export interface Side {
  readonly model: string;
  /** For people. */
  readonly device: string;
  /** What it computes in, as users name it. */
  readonly dtype: string;
}

/** Figures of a model's blocks on one window. */
export interface LayerResult extends LayerComparison {
  readonly file: string;
}

/** A finished comparison, or as much of it as there was time for. */
export interface AccuracyResult {
  readonly kind: 'whisper-npu accuracy';
  readonly version: 1;
  /** ISO 8601. */
  readonly measuredAt: string;
  readonly reference: Side;
  readonly tested: Side;
  /** Whether a device was a stand-in for CANN, whose figures say nothing of an NPU. */
  readonly standIn: boolean;
  /** False when it was interrupted, or files could not be compared. */
  readonly complete: boolean;
  readonly thresholdPercent: number;
  readonly files: readonly FileComparison[];
  /** Of all files together; undefined where there is none. */
  readonly overall: Overall | undefined;
  readonly layers?: LayerResult;
  /** Names and values, in reading order. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Overall {
  readonly figures: Figures;
  /** Whether every file is as close as the threshold asks for. */
  readonly pass: boolean;
  /** Of the files whose transcripts are known. */
  readonly errors?: SideErrors;
}

/** Words and characters on either side. */
export interface SideErrors {
  readonly reference: { readonly words: ErrorCounts; readonly characters: ErrorCounts };
  readonly tested: { readonly words: ErrorCounts; readonly characters: ErrorCounts };
}

/** Sums up files. */
export function overallOf(files: readonly FileComparison[], thresholdPercent: number): Overall | undefined {
  if (files.length === 0) return undefined;
  const figures = figuresOf(files.flatMap(({ windows }) => windows));
  const errors = files.map((file) => file.errors).filter((known) => known !== undefined);
  const sum = (side: keyof SideErrors, unit: 'words' | 'characters') =>
    sumErrors(errors.map((known) => known[side][unit]));
  const of = (side: keyof SideErrors) => ({ words: sum(side, 'words'), characters: sum(side, 'characters') });
  return {
    figures,
    pass: passes(figures, thresholdPercent),
    ...(errors.length === 0 ? {} : { errors: { reference: of('reference'), tested: of('tested') } }),
  };
}

/** The same with files named by what tells them apart, for people: whoever reads it knows where they lie. */
export function withShortNames(result: AccuracyResult): AccuracyResult {
  const names = shortNames(result.files.map(({ file }) => file));
  return {
    ...result,
    files: result.files.map((comparison, i) => ({ ...comparison, file: names[i] ?? comparison.file })),
  };
}
