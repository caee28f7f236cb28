import type { AllowedRanges } from '../../logits/timestamp-rules.ts';
import { rowsPerWord, visibleWords } from '../../model/visible-rows.ts';

/** What a rows graph computes at once: `rows` new rows, an equal share for each of `windows` windows. */
export interface RowsShape {
  readonly rows: number;
  readonly windows: number;
  /** Rows of each window's log that it can look at. */
  readonly capacity: number;
  /** How many of the likeliest tokens of each row it gives. */
  readonly candidates: number;
}

/** New rows of texts over windows, as many for each window. */
export interface StepInput {
  /** Window by window and text by text. */
  readonly tokens: Int32Array;
  /** Places of the tokens in their texts. */
  readonly positions: Int32Array;
  readonly windows: number;
  /** New rows per text. */
  readonly width: number;
  /** Rows of its window's log that each text had before. */
  readonly past: readonly (readonly number[])[];
  /** Where in each log the new rows go. */
  readonly end: number;
  /** Place of the first of the tokens among those of the whole step. */
  readonly firstToken: number;
}

/** What one execution of a rows graph takes of a step's input: of each window its rows from `from` on. */
export interface RowChunk {
  readonly firstWindow: number;
  readonly from: number;
}

export function rowsPerWindow({ tokens, windows }: StepInput): number {
  return tokens.length / windows;
}

/** Executions that a step's input takes, in an order in which every row comes behind those that it looks at. */
export function rowChunks(stepInput: StepInput, { rows, windows }: RowsShape): RowChunk[] {
  const chunks: RowChunk[] = [];
  for (let firstWindow = 0; firstWindow < stepInput.windows; firstWindow += windows)
    for (let from = 0; from < rowsPerWindow(stepInput); from += rows / windows) chunks.push({ firstWindow, from });
  return chunks;
}

/** Which of the step's tokens stands in each row of the execution; undefined in rows that are left over. */
export function chunkTokens(
  stepInput: StepInput,
  { rows, windows }: RowsShape,
  { firstWindow, from }: RowChunk,
): (number | undefined)[] {
  const perWindow = rowsPerWindow(stepInput);
  return Array.from({ length: rows }, (_, row) => {
    const window = firstWindow + Math.floor(row / (rows / windows));
    const place = from + (row % (rows / windows));
    return window < stepInput.windows && place < perWindow ? window * perWindow + place : undefined;
  });
}

/** A tensor in the block that is uploaded for an execution. */
export interface Placed {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Where the inputs of an execution stand in the block that they come up in: each at a multiple of 64 bytes. */
export interface InputsLayout {
  readonly tokens: Placed;
  readonly positions: Placed;
  /** Of graphs that give no candidates it is empty. */
  readonly ranges: Placed;
  readonly visible: Placed;
  readonly sizeBytes: number;
}

export function inputsLayout({ rows, windows, capacity, candidates }: RowsShape): InputsLayout {
  let end = 0;
  const place = (sizeBytes: number): Placed => {
    const offset = end;
    end += Math.ceil(sizeBytes / 64) * 64;
    return { offset, sizeBytes };
  };
  const tokens = place(4 * rows);
  const positions = place(4 * rows);
  const ranges = place(candidates > 0 ? 4 * rows * rangeNumbers : 0);
  const visible = place(4 * rows * visibleWords(capacity + rows / windows));
  return { tokens, positions, ranges, visible, sizeBytes: visible.offset + visible.sizeBytes };
}

/** Numbers that say what may come behind a row. */
const rangeNumbers = 4;

/**
 * The inputs of one execution of a rows graph (graph/npu-rows.ts), as one block: `tokens`, `positions`, `ranges` and `visible`.
 *
 * @param rangesOf what may come behind a token; by default everything
 */
export function rowInputs(
  stepInput: StepInput,
  shape: RowsShape,
  chunk: RowChunk,
  rangesOf: (token: number) => AllowedRanges | undefined = () => undefined,
): Uint8Array {
  const { rows, windows, capacity, candidates } = shape;
  const layout = inputsLayout(shape);
  const bytes = new Uint8Array(layout.sizeBytes);
  const integers = ({ offset, sizeBytes }: Placed) => new Int32Array(bytes.buffer, offset, sizeBytes / 4);
  const [tokens, positions] = [integers(layout.tokens), integers(layout.positions)];
  const [ranges, visible] = [integers(layout.ranges), integers(layout.visible)];
  const words = visibleWords(capacity + rows / windows);
  for (const [row, token] of chunkTokens(stepInput, shape, chunk).entries()) {
    const allowed = token === undefined ? undefined : rangesOf(stepInput.firstToken + token);
    if (candidates > 0) ranges.set(rangesInOrder(allowed), row * rangeNumbers);
    if (token === undefined) continue;
    tokens[row] = stepInput.tokens[token] ?? 0;
    positions[row] = stepInput.positions[token] ?? 0;
    for (const column of visibleColumns(stepInput, shape, chunk, token)) {
      const word = row * words + Math.floor(column / rowsPerWord);
      visible[word] = (visible[word] ?? 0) | (1 << (column % rowsPerWord));
    }
  }
  return bytes;
}

/** Beyond every vocabulary. */
const endless = 2 ** 31 - 1;

/** Without rules all tokens are text. */
function rangesInOrder(allowed: AllowedRanges | undefined): number[] {
  if (allowed === undefined) return [0, endless, endless, endless];
  const { text, times } = allowed;
  return [text.from, text.end, times.from, times.end];
}

/** What a token may look at, as columns of its scores: rows of its text in the log, and those beside it in this execution. */
function* visibleColumns(stepInput: StepInput, shape: RowsShape, { from }: RowChunk, token: number): Generator<number> {
  const { past, width, end } = stepInput;
  yield* past[Math.floor(token / width)] ?? [];
  const place = token % rowsPerWindow(stepInput);
  for (let own = place - (place % width); own <= place; own++)
    yield own < from ? end + own : shape.capacity + own - from;
}
