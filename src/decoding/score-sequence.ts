import type { EncodedAudio, GreedySequence } from '../backend/backend.ts';
import { logSumExp } from '../logits/log-softmax.ts';
import { rowsOf } from '../logits/rows.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import type { LogitFilter } from './logit-filters.ts';
import { type Hypothesis, withoutEnd } from './search.ts';

/** What is needed to score a sequence again: its window, its prompt and the logit filters. */
export interface ScoringContext {
  readonly audio: EncodedAudio;
  /** The window of the audio; its only one by default. */
  readonly window?: number | undefined;
  readonly prompt: readonly number[];
  readonly filters: readonly LogitFilter[];
  readonly eot: number;
  readonly nVocab: number;
}

/**
 * The hypothesis of greedy decoding. Where the errors of its log-probabilities leave open on which side of the threshold their
 * mean lies, they are computed again, exactly, in one step over the whole sequence (teacher forcing).
 *
 * @param threshold that the mean log-probability will be compared with
 */
export async function scoredHypothesis(
  sequence: GreedySequence,
  threshold: number | undefined,
  context: ScoringContext,
  signal: AbortSignal | undefined,
): Promise<Hypothesis> {
  const { tokens, logprobs, logprobErrors } = sequence;
  const hypothesis = withoutEnd({ tokens, sumLogprob: sum(logprobs) }, context.eot);
  const avgLogprob = avgLogprobOf(hypothesis.sumLogprob, hypothesis.tokens);
  const error = sum(logprobErrors) / (hypothesis.tokens.length + 1);
  if (threshold === undefined || error === 0 || Math.abs(avgLogprob - threshold) > error) return hypothesis;
  return { ...hypothesis, sumLogprob: await exactLogprob(tokens, context, signal) };
}

/** The exact log-probability of a sequence, each token's among the allowed ones. */
async function exactLogprob(
  tokens: readonly number[],
  { audio, window, prompt, filters, nVocab }: ScoringContext,
  signal: AbortSignal | undefined,
): Promise<number> {
  await using run = await audio.startDecoder(window);
  const step = { tokens: [[...prompt, ...tokens.slice(0, -1)]], logitsFrom: prompt.length - 1 };
  const [rows = []] = rowsOf((await run.forward(step, signal)).logits, nVocab, 1);
  return sum(
    tokens.map((token, i) => {
      const logits = rows[i] as Float32Array;
      for (const filter of filters) filter.apply(logits, tokens.slice(0, i));
      return (logits[token] as number) - logSumExp(logits);
    }),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
