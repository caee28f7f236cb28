import { toHalf } from '../../model/float.ts';

/** What a rows graph computes at once: `rows` new rows, an equal share for each of `windows` windows. */
export interface RowsShape {
  readonly rows: number;
  readonly windows: number;
  /** Rows of each window's log that it can look at. */
  readonly capacity: number;
}

/** New rows of texts over windows, as many for each window. */
export interface Addition {
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

/** What one execution of a rows graph takes of an addition: of each window its rows from `from` on. */
export interface RowChunk {
  readonly firstWindow: number;
  readonly from: number;
}

export function rowsPerWindow({ tokens, windows }: Addition): number {
  return tokens.length / windows;
}

/** Executions that an addition takes, in an order in which every row comes behind those that it looks at. */
export function rowChunks(addition: Addition, { rows, windows }: RowsShape): RowChunk[] {
  const chunks: RowChunk[] = [];
  for (let firstWindow = 0; firstWindow < addition.windows; firstWindow += windows)
    for (let from = 0; from < rowsPerWindow(addition); from += rows / windows) chunks.push({ firstWindow, from });
  return chunks;
}

/** Which of the addition's tokens stands in each row of the execution; undefined in rows that are left over. */
export function chunkTokens(
  addition: Addition,
  { rows, windows }: RowsShape,
  { firstWindow, from }: RowChunk,
): (number | undefined)[] {
  const perWindow = rowsPerWindow(addition);
  return Array.from({ length: rows }, (_, row) => {
    const window = firstWindow + Math.floor(row / (rows / windows));
    const place = from + (row % (rows / windows));
    return window < addition.windows && place < perWindow ? window * perWindow + place : undefined;
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
  readonly bias: Placed;
  readonly sizeBytes: number;
}

export function inputsLayout({ rows, windows, capacity }: RowsShape, itemSizeBytes: number): InputsLayout {
  const step = Math.ceil((4 * rows) / 64) * 64;
  const bias = { offset: 2 * step, sizeBytes: rows * (capacity + rows / windows) * itemSizeBytes };
  return {
    tokens: { offset: 0, sizeBytes: 4 * rows },
    positions: { offset: step, sizeBytes: 4 * rows },
    bias,
    sizeBytes: bias.offset + bias.sizeBytes,
  };
}

/** Added to a score, it takes the weight of a row to exactly 0, in float16 too, whose numbers end at 65504. */
const invisible = -60_000;

/**
 * The inputs of one execution of a rows graph (graph/npu-rows.ts), as one block: `tokens`, `positions` and `bias`.
 *
 * @param itemSizeBytes 4 for a bias in f32, 2 for one in f16
 */
export function rowInputs(addition: Addition, shape: RowsShape, chunk: RowChunk, itemSizeBytes: number): Uint8Array {
  const { rows, windows, capacity } = shape;
  const layout = inputsLayout(shape, itemSizeBytes);
  const bytes = new Uint8Array(layout.sizeBytes);
  const tokens = new Int32Array(bytes.buffer, layout.tokens.offset, rows);
  const positions = new Int32Array(bytes.buffer, layout.positions.offset, rows);
  const columns = capacity + rows / windows;
  const bias = biasOf(bytes.buffer, layout.bias.offset, rows * columns, itemSizeBytes);
  for (const [row, token] of chunkTokens(addition, shape, chunk).entries()) {
    if (token === undefined) continue;
    tokens[row] = addition.tokens[token] ?? 0;
    positions[row] = addition.positions[token] ?? 0;
    for (const column of visibleColumns(addition, shape, chunk, token)) bias[row * columns + column] = 0;
  }
  return bytes;
}

/** A bias in which nothing is visible yet. */
function biasOf(buffer: ArrayBuffer, offset: number, length: number, itemSizeBytes: number) {
  if (itemSizeBytes === 4) return new Float32Array(buffer, offset, length).fill(invisible);
  return new Uint16Array(buffer, offset, length).fill(toHalf(invisible));
}

/** Columns of the bias that a token may look at: rows of its text in the log, and those beside it in this execution. */
function* visibleColumns(addition: Addition, shape: RowsShape, { from }: RowChunk, token: number): Generator<number> {
  const { past, width, end } = addition;
  yield* past[Math.floor(token / width)] ?? [];
  const place = token % rowsPerWindow(addition);
  for (let own = place - (place % width); own <= place; own++)
    yield own < from ? end + own : shape.capacity + own - from;
}
