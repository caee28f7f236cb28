/**
 * How a graph is told which rows of a log a new row may look at: a bit for each, the lowest first, so many to a word of i32. A
 * graph looks a word up in a table of all it can be, so there are no more than a table may have rows for.
 */
export const rowsPerWord = 8;

/** Words that so many rows take. */
export function visibleWords(rows: number): number {
  return Math.ceil(rows / rowsPerWord);
}
