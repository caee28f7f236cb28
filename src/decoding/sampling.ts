import { argMax, logSumExp, sample } from '../logits/log-softmax.ts';
import { type Hypothesis, type Search, withoutEnd } from './search.ts';

export interface SamplingOptions {
  readonly eot: number;
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Texts that are sampled side by side. */
  readonly texts: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Greedy decoding, or sampling at a temperature, by filtered logits, f32 [nVocab]. Log-probabilities are those of temperature 1.
 * Source: openai/whisper decoding.py, GreedyDecoder.
 */
export function sampling({ eot, temperature, texts, random }: SamplingOptions): Search<Float32Array> {
  const next = (logits: Float32Array) => (temperature === 0 ? argMax(logits) : sample(logits, temperature, random));
  const grow = (text: Hypothesis, logits: Float32Array): Hypothesis => {
    // A text that has ended is carried along with the others.
    if (text.tokens.at(-1) === eot) return { ...text, tokens: [...text.tokens, eot] };
    const token = next(logits);
    return {
      tokens: [...text.tokens, token],
      sumLogprob: text.sumLogprob + (logits[token] as number) - logSumExp(logits),
    };
  };
  return {
    update(hypotheses, logits) {
      const isFirst = hypotheses[0]?.tokens.length === 0;
      const sources = Array.from({ length: texts }, (_, i) => (isFirst ? 0 : i));
      const grown = sources.map((source) => grow(hypotheses[source] as Hypothesis, logits[source] as Float32Array));
      return { hypotheses: grown, sources, isComplete: grown.every(({ tokens }) => tokens.at(-1) === eot) };
    },
    finish: (hypotheses) => hypotheses.map((text) => withoutEnd(text, eot)),
  };
}
