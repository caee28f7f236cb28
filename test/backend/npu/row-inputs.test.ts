import { describe, expect, test } from 'vitest';
import {
  chunkTokens,
  inputsLayout,
  type RowsShape,
  rowChunks,
  rowInputs,
  type StepInput,
} from '../../../src/backend/npu/row-inputs.ts';

/** Two windows of two sequences, each of which gets two tokens; their logs have five rows. */
const stepInput: StepInput = {
  tokens: Int32Array.of(10, 11, 12, 13, 20, 21, 22, 23),
  positions: Int32Array.of(3, 4, 3, 4, 3, 4, 3, 4),
  windows: 2,
  tokensPerSequence: 2,
  pastEntries: [
    [0, 1, 2],
    [0, 1, 4],
    [0, 1, 3],
    [2, 0, 1],
  ],
  kvLength: 5,
  firstToken: 0,
};

/** Which columns each row of an execution may look at. */
function visible(shape: RowsShape, chunk: { firstWindow: number; from: number }): number[][] {
  const { offset, sizeBytes } = inputsLayout(shape).visible;
  const words = new Int32Array(rowInputs(stepInput, shape, chunk).buffer, offset, sizeBytes / 4);
  const perRow = words.length / shape.rows;
  expect(perRow).toBe(Math.ceil((shape.capacity + shape.rows / shape.windows) / 8));
  return Array.from({ length: shape.rows }, (_, row) =>
    Array.from({ length: 8 * perRow }, (_, column) => column).filter(
      (column) => (words[row * perRow + Math.floor(column / 8)]! >> (column % 8)) & 1,
    ),
  );
}

describe('rows of a step on their way into a graph', () => {
  test('of two windows at once: those left over stand behind each window’s', () => {
    const shape = { rows: 10, windows: 2, capacity: 8, candidates: 0 };
    expect(rowChunks(stepInput, shape)).toEqual([{ firstWindow: 0, from: 0 }]);
    const none = undefined;
    expect(chunkTokens(stepInput, shape, { firstWindow: 0, from: 0 })).toEqual([0, 1, 2, 3, none, 4, 5, 6, 7, none]);
  });

  test('look at the rows of their own text, those beside them included, and at nothing else', () => {
    const shape = { rows: 10, windows: 2, capacity: 8, candidates: 0 };
    expect(visible(shape, { firstWindow: 0, from: 0 })).toEqual([
      [0, 1, 2, 8],
      [0, 1, 2, 8, 9],
      [0, 1, 4, 10],
      [0, 1, 4, 10, 11],
      [],
      [0, 1, 3, 8],
      [0, 1, 3, 8, 9],
      [0, 1, 2, 10],
      [0, 1, 2, 10, 11],
      [],
    ]);
  });

  test('look at those of an execution before where they lie in the log by then', () => {
    const shape = { rows: 3, windows: 1, capacity: 8, candidates: 0 };
    expect(rowChunks(stepInput, shape)).toEqual([
      { firstWindow: 0, from: 0 },
      { firstWindow: 0, from: 3 },
      { firstWindow: 1, from: 0 },
      { firstWindow: 1, from: 3 },
    ]);
    expect(visible(shape, { firstWindow: 1, from: 3 })).toEqual([[0, 1, 2, 7, 8], [], []]);
  });

  test('are uploaded as one block of aligned tensors', () => {
    const shape = { rows: 20, windows: 2, capacity: 8, candidates: 0 };
    const { tokens, positions, ranges, visible: words, sizeBytes } = inputsLayout(shape);
    expect([tokens, positions, words].map(({ offset }) => offset % 64)).toEqual([0, 0, 0]);
    expect(ranges.sizeBytes).toBe(0);
    expect(sizeBytes).toBe(words.offset + 20 * 3 * 4);
    const bytes = rowInputs(stepInput, shape, { firstWindow: 0, from: 0 });
    expect(bytes).toHaveLength(sizeBytes);
    expect([...new Int32Array(bytes.buffer, tokens.offset, 5)]).toEqual([10, 11, 12, 13, 0]);
    expect([...new Int32Array(bytes.buffer, positions.offset + 40, 5)]).toEqual([3, 4, 3, 4, 0]);
  });

  test('bring up what may come behind each, where the graph chooses', () => {
    const shape = { rows: 3, windows: 1, capacity: 8, candidates: 4 };
    const allowed = { text: { from: 1, end: 30 }, timestamps: { from: 33, end: 40 } };
    const chunk = { firstWindow: 0, from: 3 };
    const step = { ...stepInput, firstToken: 100 };
    const bytes = rowInputs(step, shape, chunk, (token) => (token === 103 ? allowed : undefined));
    const { ranges } = inputsLayout(shape);
    expect(ranges.offset % 64).toBe(0);
    const [first, ...others] = Array.from({ length: 3 }, (_, row) => [
      ...new Int32Array(bytes.buffer, ranges.offset + 16 * row, 4),
    ]);
    expect(first).toEqual([1, 30, 33, 40]);
    const everything = [0, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1];
    expect(others).toEqual([everything, everything]);
  });

  test('of five beams of any model are at most 4 KB', () => {
    const shape = { rows: 5, windows: 1, capacity: 1344, candidates: 10 };
    expect(inputsLayout(shape).sizeBytes).toBeLessThanOrEqual(4096);
  });
});
