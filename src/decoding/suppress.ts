/**
 * A mask to add to the logits: -Infinity for the given tokens, 0 for the rest.
 *
 * @returns f32 [nVocab]
 */
export function suppressMask(nVocab: number, tokens: readonly number[]): Float32Array {
  const mask = new Float32Array(nVocab);
  for (const token of tokens) mask[token] = Number.NEGATIVE_INFINITY;
  return mask;
}
