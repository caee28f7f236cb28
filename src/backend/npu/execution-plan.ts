import type { ModelDimensions } from '../../model/dimensions.ts';
import { type RowsShape, rowChunks, rowsPerWindow, type StepInput } from './row-inputs.ts';
import type { RowsFile } from './rows-models.ts';
import type { Wanted } from './step-output.ts';

/**
 * Which graph computes a step: the decoders, which take one sequence each (graph/npu-decoder.ts), or a rows graph, which takes
 * the tokens of several sequences as rows of one batch (graph/npu-rows.ts).
 */
export type ExecutionPlan = { readonly kind: 'decoders' } | { readonly kind: 'rows'; readonly file: RowsFile };

/** The graphs to choose from, and the limits of the audio's memory. */
export interface PlanChoices {
  readonly dimensions: ModelDimensions;
  readonly files: readonly RowsFile[];
  /** How many tokens the decoders take in one execution, the most first. */
  readonly decoderWidths: readonly number[];
  /** How many windows the audio's memory has room for, from the first window of the sequences on. */
  readonly roomForWindows: number;
}

/**
 * Chooses the graph that should take the least time. Where candidates are wanted, graphs that compute them in one execution
 * are preferred, because otherwise all logits are downloaded and sorted on the host.
 *
 * @returns undefined where no graph fits, because none was converted or the cache has more entries than their capacity
 */
export function chooseExecutionPlan(
  stepInput: StepInput,
  choices: PlanChoices,
  wanted: Wanted,
): ExecutionPlan | undefined {
  const { dimensions, files, decoderWidths } = choices;
  const candidates: { plan: ExecutionPlan; returnsCandidates: boolean; cost: number }[] = [];
  if (!wanted.attention && isContiguous(stepInput)) {
    const costs = chunks(stepInput.tokensPerSequence, decoderWidths, wanted.logitsFrom).map(({ count }) =>
      executionCost(dimensions, { rows: count, windows: 1, capacity: dimensions.nTextCtx }),
    );
    candidates.push({
      plan: { kind: 'decoders' },
      returnsCandidates: false,
      cost: stepInput.windows * costs.reduce((sum, cost) => sum + cost, 0),
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

/** With so many rows, computing takes as long as reading the weights: a 910B4 has 280 TFLOPS and 0.8 TB/s. */
const computeBoundRows = 350;

/** The cost of an execution, in elements read from memory: weights, cross-attention keys and values, KV cache. */
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
  if (stepInput.kvLength + rowsPerWindow(stepInput) > capacity) return false;
  return windows === 1 || (stepInput.windows > 1 && roundedUp(stepInput.windows, windows) <= roomForWindows);
}

export function roundedUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

/** Whether each window has one sequence, whose entries are the first of the window's region in order, as decoders need it. */
function isContiguous({ pastEntries, windows, kvLength }: StepInput): boolean {
  return (
    pastEntries.length === windows &&
    pastEntries.every((entries) => entries.length === kvLength && entries.every((entry, i) => entry === i))
  );
}

/** Tokens of a sequence that one execution of a decoder takes. */
interface Chunk {
  readonly from: number;
  readonly count: number;
}

/** Divides the new tokens of a sequence among executions of decoders, which compute the logits of their last token only. */
export function chunks(tokenCount: number, decoderWidths: readonly number[], logitsFrom: number): Chunk[] {
  const all: Chunk[] = [];
  for (let from = 0; from < tokenCount; ) {
    const most = Math.min(tokenCount - from, from <= logitsFrom ? logitsFrom + 1 - from : 1);
    const count = decoderWidths.find((candidate) => candidate <= most) ?? 1;
    all.push({ from, count });
    from += count;
  }
  return all;
}

/** Entries of a window's KV cache that move towards its beginning. */
export interface EntryMove {
  readonly window: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Compacts the KV cache: the step's input without the entries that no sequence uses any more, and the moves for that. */
export function compacted(stepInput: StepInput): { stepInput: StepInput; moves: EntryMove[] } {
  const sequencesPerWindow = stepInput.pastEntries.length / stepInput.windows;
  const moves: EntryMove[] = [];
  let kvLength = 0;
  const pastEntries = Array.from({ length: stepInput.windows }, (_, window) => {
    const sequences = stepInput.pastEntries.slice(window * sequencesPerWindow, (window + 1) * sequencesPerWindow);
    const live = [...new Set(sequences.flat())].sort((a, b) => a - b);
    const indices = new Map(live.map((entry, index) => [entry, index]));
    moves.push(...compactionMoves(window, live));
    kvLength = Math.max(kvLength, live.length);
    return sequences.map((entries) => entries.map((entry) => indices.get(entry) ?? entry));
  }).flat();
  return { stepInput: { ...stepInput, pastEntries, kvLength }, moves };
}

/** Moves that bring entries together at the beginning, in order; source and target of a move never overlap. */
function compactionMoves(window: number, live: readonly number[]): EntryMove[] {
  const moves: EntryMove[] = [];
  for (let to = 0; to < live.length; ) {
    const from = live[to] ?? to;
    let count = 1;
    while (live[to + count] === from + count && count < from - to) count++;
    if (from !== to) moves.push({ window, from, to, count });
    to += count;
  }
  return moves;
}
