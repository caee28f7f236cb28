import type { Candidate } from '../logits/candidates.ts';
import { type Hypothesis, type Search, withoutEnd } from './search.ts';

export interface BeamOptions {
  readonly eot: number;
  readonly beamSize: number;
  /** How many ended texts are waited for: beamSize * patience. */
  readonly patience: number;
}

/** How many candidates beams choose from behind each text: even where one of them is the end, all others can be its. */
export function candidatesPerText(beamSize: number): number {
  return beamSize + 1;
}

/** Beam search over the likeliest candidates behind each text. Source: openai/whisper decoding.py, BeamSearchDecoder. */
export function beamSearch({ eot, beamSize, patience }: BeamOptions): Search<readonly Candidate[]> {
  const wanted = Math.round(beamSize * patience);
  const ended: Hypothesis[] = [];
  return {
    update(hypotheses, candidatesBehind) {
      const candidates = hypotheses.flatMap((text, source) =>
        (candidatesBehind[source] ?? []).map(({ token, logprob }) => ({
          tokens: [...text.tokens, token],
          sumLogprob: text.sumLogprob + logprob,
          source,
        })),
      );
      candidates.sort((a, b) => b.sumLogprob - a.sumLogprob);
      const going: typeof candidates = [];
      for (const candidate of candidates) {
        if (candidate.tokens.at(-1) !== eot) going.push(candidate);
        else if (ended.length < wanted) ended.push(candidate);
        if (going.length === beamSize) break;
      }
      return {
        hypotheses: going.map(({ tokens, sumLogprob }) => ({ tokens, sumLogprob })),
        sources: going.map(({ source }) => source),
        isComplete: ended.length >= wanted,
      };
    },
    finish(hypotheses) {
      const byLikelihood = [...hypotheses].sort((a, b) => b.sumLogprob - a.sumLogprob);
      const missing = Math.max(0, beamSize - ended.length);
      return [...ended, ...byLikelihood.slice(0, missing)].map((text) => withoutEnd(text, eot));
    },
  };
}
