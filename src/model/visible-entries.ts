/**
 * The attention mask of a rows graph is uploaded as bits: one for each KV cache entry or new token that a token attends to, the
 * lowest bit first, so many to an i32. The graph looks each of these words up in a table of all values, which must stay small.
 */
export const entriesPerWord = 8;

/** How many words so many entries take. */
export function visibleWords(entries: number): number {
  return Math.ceil(entries / entriesPerWord);
}
