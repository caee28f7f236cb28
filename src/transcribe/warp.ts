/** A path through a matrix: the cells it visits, from the first to the last. */
export interface WarpPath {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

const diagonal = 0;
const down = 1;
const right = 2;

/**
 * Dynamic time warping: the cheapest path from the first to the last cell of a matrix of costs that goes down, right, or
 * both. Of equal ways it goes right. Source: openai/whisper timing.py, dtw_cpu.
 *
 * @param costs row-major [rowCount, columnCount]
 */
export function warp(costs: Float64Array, rowCount: number, columnCount: number): WarpPath {
  const width = columnCount + 1;
  const total = new Float32Array((rowCount + 1) * width).fill(Number.POSITIVE_INFINITY);
  const moves = new Uint8Array((rowCount + 1) * width);
  total[0] = 0;
  for (let row = 1; row <= rowCount; row++) {
    for (let column = 1; column <= columnCount; column++) {
      const at = row * width + column;
      const fromDiagonal = total[at - width - 1] as number;
      const fromAbove = total[at - width] as number;
      const fromLeft = total[at - 1] as number;
      let [best, move] = [fromLeft, right];
      if (fromDiagonal < fromAbove && fromDiagonal < fromLeft) [best, move] = [fromDiagonal, diagonal];
      else if (fromAbove < fromDiagonal && fromAbove < fromLeft) [best, move] = [fromAbove, down];
      total[at] = (costs[(row - 1) * columnCount + column - 1] as number) + best;
      moves[at] = move;
    }
  }
  return walkBack(moves, rowCount, columnCount);
}

function walkBack(moves: Uint8Array, rowCount: number, columnCount: number): WarpPath {
  const rows: number[] = [];
  const columns: number[] = [];
  for (let row = rowCount, column = columnCount; row > 0 || column > 0; ) {
    rows.push(row - 1);
    columns.push(column - 1);
    const move = row === 0 ? right : column === 0 ? down : moves[row * (columnCount + 1) + column];
    if (move !== right) row--;
    if (move !== down) column--;
  }
  return { rows: rows.reverse(), columns: columns.reverse() };
}

/**
 * The median of each value and its neighbours, the ends mirrored. Source: openai/whisper timing.py, median_filter.
 *
 * @param width how many values, odd; where there are too few to mirror, values stay as they are
 */
export function medianFilter(values: Float64Array, width: number): Float64Array {
  const reach = (width - 1) / 2;
  const { length } = values;
  if (length <= reach) return values;
  const mirrored = (i: number) => (i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i);
  const sorted = new Float64Array(width);
  return Float64Array.from(values, (_, i) => {
    // Sorting by insertion: a window is a handful of values.
    for (let j = 0; j < width; j++) {
      const value = values[mirrored(i - reach + j)] as number;
      let at = j;
      for (; at > 0 && (sorted[at - 1] as number) > value; at--) sorted[at] = sorted[at - 1] as number;
      sorted[at] = value;
    }
    return sorted[reach] as number;
  });
}
