import type { Candidate } from '../logits/candidates.ts';
import { type Hypothesis, type Search, withoutEnd } from './search.ts';

export interface BeamOptions {
  readonly eot: number;
  readonly beamSize: number;
  /** The search ends after beamSize * patience finished hypotheses. */
  readonly patience: number;
}

/** How many candidates are needed for each hypothesis: one of them may be the end token, and all others may be chosen. */
export function candidatesPerHypothesis(beamSize: number): number {
  return beamSize + 1;
}

/** Beam search over the likeliest candidates of each hypothesis. Source: openai/whisper decoding.py, BeamSearchDecoder. */
export function beamSearch({ eot, beamSize, patience }: BeamOptions): Search<readonly Candidate[]> {
  const maxFinished = Math.round(beamSize * patience);
  const finished: Hypothesis[] = [];
  return {
    update(hypotheses, candidatesBehind) {
      const candidates = hypotheses.flatMap((hypothesis, parent) =>
        (candidatesBehind[parent] ?? []).map(({ token, logprob }) => ({
          tokens: [...hypothesis.tokens, token],
          sumLogprob: hypothesis.sumLogprob + logprob,
          parent,
        })),
      );
      candidates.sort((a, b) => b.sumLogprob - a.sumLogprob);
      const unfinished: typeof candidates = [];
      for (const candidate of candidates) {
        if (candidate.tokens.at(-1) !== eot) unfinished.push(candidate);
        else if (finished.length < maxFinished) finished.push(candidate);
        if (unfinished.length === beamSize) break;
      }
      return {
        hypotheses: unfinished.map(({ tokens, sumLogprob }) => ({ tokens, sumLogprob })),
        parents: unfinished.map(({ parent }) => parent),
        isComplete: finished.length >= maxFinished,
      };
    },
    finish(hypotheses) {
      const byLikelihood = [...hypotheses].sort((a, b) => b.sumLogprob - a.sumLogprob);
      const missing = Math.max(0, beamSize - finished.length);
      return [...finished, ...byLikelihood.slice(0, missing)].map((hypothesis) => withoutEnd(hypothesis, eot));
    },
  };
}
