import { type Candidate, likeliestCandidates } from '../logits/candidates.ts';
import type { CandidatesRequest } from './backend.ts';

/** @throws RangeError for what cannot be asked of a step that gives so many sequences */
export function checkCandidates(
  { count, suppress, timestamps }: CandidatesRequest,
  { sequences, nVocab }: { readonly sequences: number; readonly nVocab: number },
): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= nVocab))
    throw new RangeError(`there are no ${count} candidates of ${nVocab} tokens`);
  if (suppress.length !== nVocab) throw new RangeError(`a mask has ${nVocab} values, not ${suppress.length}`);
  if (timestamps !== undefined && timestamps.sequences.length !== sequences)
    throw new RangeError(`rules for ${timestamps.sequences.length} sequences do not go with ${sequences}`);
}

/** The candidates behind a sequence. @param logits f32 [nVocab] behind its last token, changed in place */
export function candidatesBehind(
  logits: Float32Array,
  sequence: number,
  { count, suppress, timestamps }: CandidatesRequest,
): Candidate[] {
  if (timestamps === undefined) return likeliestCandidates(logits, count, { suppress });
  const { rules, sequences } = timestamps;
  return likeliestCandidates(logits, count, { suppress, timestamps: { rules, sampled: sequences[sequence] ?? [] } });
}
