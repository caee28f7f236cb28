import { argMax, logSumExp, sample } from '../logits/log-softmax.ts';
import { type Hypothesis, type Search, withoutEnd } from './search.ts';

export interface SamplingOptions {
  readonly eot: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** How many hypotheses are sampled for each window. */
  readonly hypothesisCount: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Greedy decoding, or sampling at a temperature, by filtered logits, f32 [nVocab]. Log-probabilities are those of temperature 1.
 * Source: openai/whisper decoding.py, GreedyDecoder.
 */
export function sampling({ eot, temperature, hypothesisCount, random }: SamplingOptions): Search<Float32Array> {
  const next = (logits: Float32Array) => (temperature === 0 ? argMax(logits) : sample(logits, temperature, random));
  const extend = (hypothesis: Hypothesis, logits: Float32Array): Hypothesis => {
    // Finished hypotheses are continued with the end token until all have finished.
    if (hypothesis.tokens.at(-1) === eot) return { ...hypothesis, tokens: [...hypothesis.tokens, eot] };
    const token = next(logits);
    return {
      tokens: [...hypothesis.tokens, token],
      sumLogprob: hypothesis.sumLogprob + (logits[token] as number) - logSumExp(logits),
    };
  };
  return {
    update(hypotheses, logits) {
      const isFirst = hypotheses[0]?.tokens.length === 0;
      const parents = Array.from({ length: hypothesisCount }, (_, i) => (isFirst ? 0 : i));
      const extended = parents.map((parent) =>
        extend(hypotheses[parent] as Hypothesis, logits[parent] as Float32Array),
      );
      return { hypotheses: extended, parents, isComplete: extended.every(({ tokens }) => tokens.at(-1) === eot) };
    },
    finish: (hypotheses) => hypotheses.map((hypothesis) => withoutEnd(hypothesis, eot)),
  };
}
