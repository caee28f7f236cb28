import type { AllowedRanges } from '../../logits/timestamp-rules.ts';
import { entriesPerWord, visibleWords } from '../../model/visible-entries.ts';

/** The shape of a rows graph: `rows` tokens in one execution, the same number for each of `windows` windows. */
export interface RowsShape {
  readonly rows: number;
  readonly windows: number;
  /** How many entries of each window's KV cache it attends to. */
  readonly capacity: number;
  /** How many of the likeliest next tokens it returns for each row. */
  readonly candidates: number;
}

/** The input of a step: new tokens of sequences over windows, the same number for each window. */
export interface StepInput {
  /** Ordered by window, then by sequence. */
  readonly tokens: Int32Array;
  /** The position of each token in its sequence. */
  readonly positions: Int32Array;
  readonly windows: number;
  readonly tokensPerSequence: number;
  /** The entries of each sequence before the step, as indices into the KV cache region of its window. */
  readonly pastEntries: readonly (readonly number[])[];
  /** How many entries each region has before the step; the new ones are written behind them. */
  readonly kvLength: number;
  /** The index of the first token in the whole step, of which this may be a part. */
  readonly firstToken: number;
}

/** The part of a step's input that one execution of a rows graph takes: the tokens of each window from `from` on. */
export interface RowChunk {
  readonly firstWindow: number;
  readonly from: number;
}

export function rowsPerWindow({ tokens, windows }: StepInput): number {
  return tokens.length / windows;
}

/** Divides a step's input into executions, ordered so that every token comes after those that it attends to. */
export function rowChunks(stepInput: StepInput, { rows, windows }: RowsShape): RowChunk[] {
  const chunks: RowChunk[] = [];
  for (let firstWindow = 0; firstWindow < stepInput.windows; firstWindow += windows)
    for (let from = 0; from < rowsPerWindow(stepInput); from += rows / windows) chunks.push({ firstWindow, from });
  return chunks;
}

/** The index of the step's token in each row of the execution; undefined for padding rows. */
export function chunkTokens(
  stepInput: StepInput,
  { rows, windows }: RowsShape,
  { firstWindow, from }: RowChunk,
): (number | undefined)[] {
  const perWindow = rowsPerWindow(stepInput);
  return Array.from({ length: rows }, (_, row) => {
    const window = firstWindow + Math.floor(row / (rows / windows));
    const index = from + (row % (rows / windows));
    return window < stepInput.windows && index < perWindow ? window * perWindow + index : undefined;
  });
}

/** Where a tensor lies in the block that is uploaded for an execution, in bytes. */
export interface TensorRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The layout of the block that is uploaded for an execution: every input begins at a multiple of 64 bytes. */
export interface InputsLayout {
  readonly tokens: TensorRange;
  readonly positions: TensorRange;
  /** Empty for graphs that return no candidates. */
  readonly ranges: TensorRange;
  readonly visible: TensorRange;
  readonly sizeBytes: number;
}

export function inputsLayout({ rows, windows, capacity, candidates }: RowsShape): InputsLayout {
  let end = 0;
  const append = (sizeBytes: number): TensorRange => {
    const offset = end;
    end += Math.ceil(sizeBytes / 64) * 64;
    return { offset, sizeBytes };
  };
  const tokens = append(4 * rows);
  const positions = append(4 * rows);
  const ranges = append(candidates > 0 ? 4 * rows * rangeNumbers : 0);
  const visible = append(4 * rows * visibleWords(capacity + rows / windows));
  return { tokens, positions, ranges, visible, sizeBytes: visible.offset + visible.sizeBytes };
}

/** Numbers per row that say which tokens may come next: begin and end of the text tokens and of the timestamps. */
const rangeNumbers = 4;

/**
 * The inputs of one execution of a rows graph (graph/npu-rows.ts), as one block: `tokens`, `positions`, `ranges` and `visible`.
 *
 * @param rangesOf which tokens may come behind a token of the step; by default all
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
  const integers = ({ offset, sizeBytes }: TensorRange) => new Int32Array(bytes.buffer, offset, sizeBytes / 4);
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
      const word = row * words + Math.floor(column / entriesPerWord);
      visible[word] = (visible[word] ?? 0) | (1 << (column % entriesPerWord));
    }
  }
  return bytes;
}

/** Larger than any token. */
const beyondVocabulary = 2 ** 31 - 1;

/** Without rules all tokens are sequence. */
function rangesInOrder(allowed: AllowedRanges | undefined): number[] {
  if (allowed === undefined) return [0, beyondVocabulary, beyondVocabulary, beyondVocabulary];
  const { text, timestamps } = allowed;
  return [text.from, text.end, timestamps.from, timestamps.end];
}

/** The columns of the attention scores that a token attends to: cached entries of its sequence, and tokens of this execution. */
function* visibleColumns(stepInput: StepInput, shape: RowsShape, { from }: RowChunk, token: number): Generator<number> {
  const { pastEntries, tokensPerSequence, kvLength } = stepInput;
  yield* pastEntries[Math.floor(token / tokensPerSequence)] ?? [];
  const index = token % rowsPerWindow(stepInput);
  for (let own = index - (index % tokensPerSequence); own <= index; own++)
    yield own < from ? kvLength + own : shape.capacity + own - from;
}
