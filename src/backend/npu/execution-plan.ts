import type { ModelDimensions } from '../../model/dimensions.ts';
import { type RowsShape, rowChunks, rowsPerWindow, type StepInput } from './row-inputs.ts';
import type { RowsFile } from './rows-models.ts';
import type { Wanted } from './step-output.ts';

/** What computes an addition of tokens: the decoders of single texts, or a rows graph. */
export type ExecutionPlan = { readonly kind: 'decoders' } | { readonly kind: 'rows'; readonly file: RowsFile };

/** What there is to choose from. */
export interface PlanChoices {
  readonly dimensions: ModelDimensions;
  readonly files: readonly RowsFile[];
  /** Tokens that the decoders of single texts take at once, widest first. */
  readonly widths: readonly number[];
  /** Windows that the audio's memory has room for, from the first of the texts' windows on. */
  readonly roomForWindows: number;
}

/**
 * The plan that should take the least time; where candidates are wanted, a graph that gives them at once comes first, as logits
 * would have to come to the host and be sorted there. Undefined where no graph fits: rows lie behind what it can look at, or there
 * is none.
 */
export function chooseExecutionPlan(
  stepInput: StepInput,
  choices: PlanChoices,
  wanted: Wanted,
): ExecutionPlan | undefined {
  const { dimensions, files, widths } = choices;
  const candidates: { plan: ExecutionPlan; returnsCandidates: boolean; cost: number }[] = [];
  if (!wanted.attention && isContiguous(stepInput)) {
    const ofText = chunks(stepInput.width, widths, wanted.logitsFrom).map(({ count }) =>
      executionCost(dimensions, { rows: count, windows: 1, capacity: dimensions.nTextCtx }),
    );
    candidates.push({
      plan: { kind: 'decoders' },
      returnsCandidates: false,
      cost: stepInput.windows * ofText.reduce((sum, cost) => sum + cost, 0),
    });
  }
  for (const file of files) {
    if (file.outputsAttention !== wanted.attention || !fits(file, stepInput, choices)) continue;
    const executions = rowChunks(stepInput, file).length;
    const returnsCandidates =
      executions === 1 && wanted.candidates !== undefined && wanted.candidates <= file.candidates;
    candidates.push({
      plan: { kind: 'rows', file },
      returnsCandidates,
      cost: executions * executionCost(dimensions, file),
    });
  }
  return candidates.sort((a, b) => Number(b.returnsCandidates) - Number(a.returnsCandidates) || a.cost - b.cost)[0]
    ?.plan;
}

/** Rows whose computing takes as long as reading the weights: 280 TFLOPS over 0.8 TB/s, which is what a 910B4 has. */
const computeBoundRows = 350;

/** What an execution costs, in numbers read from memory: weights, cross-attention keys and values, logs. */
function executionCost(
  dimensions: ModelDimensions,
  { rows, windows, capacity }: Omit<RowsShape, 'candidates'>,
): number {
  const { nAudioCtx, nTextLayer, nTextState, nVocab } = dimensions;
  // A layer has eight square matrices for its attention, of which the encoder has done two, and two of four times the size.
  const weights = nTextLayer * 14 * nTextState ** 2 + nVocab * nTextState;
  const perWindow = nTextLayer * 2 * nTextState * (nAudioCtx + capacity);
  return weights * (1 + rows / computeBoundRows) + windows * perWindow;
}

function fits({ windows, capacity }: RowsFile, stepInput: StepInput, { roomForWindows }: PlanChoices): boolean {
  if (stepInput.end + rowsPerWindow(stepInput) > capacity) return false;
  return windows === 1 || (stepInput.windows > 1 && roundedUp(stepInput.windows, windows) <= roomForWindows);
}

export function roundedUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Whether every text is alone over its window and is the beginning of that window's log, as decoders want it. */
function isContiguous({ past, windows, end }: StepInput): boolean {
  return past.length === windows && past.every((rows) => rows.length === end && rows.every((row, i) => row === i));
}

/** Some tokens of a text that one execution takes. */
interface Chunk {
  readonly from: number;
  readonly count: number;
}

/** Cuts a text's new tokens up for the decoders, which give the logits of their last token only. */
export function chunks(width: number, widths: readonly number[], logitsFrom: number): Chunk[] {
  const all: Chunk[] = [];
  for (let from = 0; from < width; ) {
    const most = Math.min(width - from, from <= logitsFrom ? logitsFrom + 1 - from : 1);
    const count = widths.find((candidate) => candidate <= most) ?? 1;
    all.push({ from, count });
    from += count;
  }
  return all;
}

/** Rows of a window's KV cache that move towards its beginning. */
export interface RowMove {
  readonly window: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** The step's input as it is when the rows that no text looks at are gone from the KV caches, and what has to move for it. */
export function compacted(stepInput: StepInput): { stepInput: StepInput; moves: RowMove[] } {
  const textsPerWindow = stepInput.past.length / stepInput.windows;
  const moves: RowMove[] = [];
  let end = 0;
  const past = Array.from({ length: stepInput.windows }, (_, window) => {
    const texts = stepInput.past.slice(window * textsPerWindow, (window + 1) * textsPerWindow);
    const live = [...new Set(texts.flat())].sort((a, b) => a - b);
    const places = new Map(live.map((row, place) => [row, place]));
    moves.push(...compactionMoves(window, live));
    end = Math.max(end, live.length);
    return texts.map((rows) => rows.map((row) => places.get(row) ?? row));
  }).flat();
  return { stepInput: { ...stepInput, past, end }, moves };
}

/** Moves that bring rows together at the beginning, in their order; none overlaps with itself. */
function compactionMoves(window: number, live: readonly number[]): RowMove[] {
  const moves: RowMove[] = [];
  for (let to = 0; to < live.length; ) {
    const from = live[to] ?? to;
    let count = 1;
    while (live[to + count] === from + count && count < from - to) count++;
    if (from !== to) moves.push({ window, from, to, count });
    to += count;
  }
  return moves;
}
