import { logSumExp, topK } from '../logits/log-softmax.ts';
import { type Hypothesis, type Search, withoutEnd } from './search.ts';

export interface BeamOptions {
  readonly eot: number;
  readonly beamSize: number;
  /** How many ended texts are waited for: beamSize * patience. */
  readonly patience: number;
}

/** Beam search. Source: openai/whisper decoding.py, BeamSearchDecoder. */
export function beamSearch({ eot, beamSize, patience }: BeamOptions): Search {
  const wanted = Math.round(beamSize * patience);
  const ended: Hypothesis[] = [];
  return {
    update(hypotheses, logits) {
      const candidates = hypotheses.flatMap((text, source) =>
        continuations(text, logits[source] as Float32Array, beamSize + 1).map((next) => ({ ...next, source })),
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

function continuations(text: Hypothesis, logits: Float32Array, count: number): Hypothesis[] {
  const norm = logSumExp(logits);
  return topK(logits, count).map((token) => ({
    tokens: [...text.tokens, token],
    sumLogprob: text.sumLogprob + (logits[token] as number) - norm,
  }));
}
