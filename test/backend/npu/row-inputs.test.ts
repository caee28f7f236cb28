import { describe, expect, test } from 'vitest';
import {
  type Addition,
  chunkTokens,
  inputsLayout,
  type RowsShape,
  rowChunks,
  rowInputs,
} from '../../../src/backend/npu/row-inputs.ts';

/** Two windows of two texts, each of which gets two tokens; their logs have five rows. */
const addition: Addition = {
  tokens: Int32Array.of(10, 11, 12, 13, 20, 21, 22, 23),
  positions: Int32Array.of(3, 4, 3, 4, 3, 4, 3, 4),
  windows: 2,
  width: 2,
  past: [
    [0, 1, 2],
    [0, 1, 4],
    [0, 1, 3],
    [2, 0, 1],
  ],
  end: 5,
  firstToken: 0,
};

/** Which columns each row of an execution may look at. */
function visible(shape: RowsShape, chunk: { firstWindow: number; from: number }): number[][] {
  const columns = shape.capacity + shape.rows / shape.windows;
  const { offset } = inputsLayout(shape, 4).bias;
  const bias = new Float32Array(rowInputs(addition, shape, chunk, 4).buffer, offset);
  expect(new Set(bias)).toEqual(new Set([0, -60_000]));
  return Array.from({ length: shape.rows }, (_, row) =>
    [...bias.subarray(row * columns, (row + 1) * columns).entries()].filter(([, value]) => value === 0).map(([i]) => i),
  );
}

describe('rows of a step on their way into a graph', () => {
  test('of two windows at once: those left over stand behind each window’s', () => {
    const shape = { rows: 10, windows: 2, capacity: 8 };
    expect(rowChunks(addition, shape)).toEqual([{ firstWindow: 0, from: 0 }]);
    const none = undefined;
    expect(chunkTokens(addition, shape, { firstWindow: 0, from: 0 })).toEqual([0, 1, 2, 3, none, 4, 5, 6, 7, none]);
  });

  test('look at the rows of their own text, those beside them included, and at nothing else', () => {
    const shape = { rows: 10, windows: 2, capacity: 8 };
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
    const shape = { rows: 3, windows: 1, capacity: 8 };
    expect(rowChunks(addition, shape)).toEqual([
      { firstWindow: 0, from: 0 },
      { firstWindow: 0, from: 3 },
      { firstWindow: 1, from: 0 },
      { firstWindow: 1, from: 3 },
    ]);
    expect(visible(shape, { firstWindow: 1, from: 3 })).toEqual([[0, 1, 2, 7, 8], [], []]);
  });

  test('are uploaded as one block of aligned tensors', () => {
    const shape = { rows: 20, windows: 2, capacity: 8 };
    const { tokens, positions, bias, sizeBytes } = inputsLayout(shape, 2);
    expect([tokens, positions, bias].map(({ offset }) => offset % 64)).toEqual([0, 0, 0]);
    expect(sizeBytes).toBe(bias.offset + 20 * 18 * 2);
    const bytes = rowInputs(addition, shape, { firstWindow: 0, from: 0 }, 2);
    expect(bytes).toHaveLength(sizeBytes);
    expect([...new Int32Array(bytes.buffer, tokens.offset, 5)]).toEqual([10, 11, 12, 13, 0]);
    expect([...new Int32Array(bytes.buffer, positions.offset + 40, 5)]).toEqual([3, 4, 3, 4, 0]);
  });

  test('hide rows by exactly -60000 in float16 too', () => {
    const shape = { rows: 4, windows: 1, capacity: 8 };
    const bytes = rowInputs(addition, shape, { firstWindow: 0, from: 0 }, 2);
    const halves = new Uint16Array(bytes.buffer, inputsLayout(shape, 2).bias.offset);
    const [hidden = 0] = [...new Set(halves)].filter((half) => half !== 0);
    expect(new Set(halves).size).toBe(2);
    // 1 sign, 5 exponent, 10 mantissa bits: -(1 + mantissa / 1024) * 2^(exponent - 15)
    expect(hidden >> 15).toBe(1);
    expect((1 + (hidden & 0x3ff) / 1024) * 2 ** (((hidden >> 10) & 0x1f) - 15)).toBe(60_000);
  });
});
