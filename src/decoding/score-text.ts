import type { EncodedAudio, GreedyText } from '../backend/backend.ts';
import { logSumExp } from '../logits/log-softmax.ts';
import { rowsOf } from '../logits/rows.ts';
import { avgLogprobOf } from './avg-logprob.ts';
import type { LogitFilter } from './logit-filters.ts';
import { type Hypothesis, withoutEnd } from './search.ts';

/** Where a text stands, and what was allowed in it: what it takes to score it again. */
export interface TextPlace {
  readonly audio: EncodedAudio;
  /** The window of the audio; its only one by default. */
  readonly window?: number | undefined;
  readonly prompt: readonly number[];
  readonly filters: readonly LogitFilter[];
  readonly eot: number;
  readonly nVocab: number;
}

/**
 * A greedy text with the sum of its log-probabilities. Where their errors leave open on which side of a threshold the mean
 * lies, the text is scored again, exactly, by one step over all of it.
 *
 * @param threshold what the mean log-probability will be compared with
 */
export async function scored(
  text: GreedyText,
  threshold: number | undefined,
  place: TextPlace,
  signal: AbortSignal | undefined,
): Promise<Hypothesis> {
  const { tokens, logprobs, logprobErrors } = text;
  const hypothesis = withoutEnd({ tokens, sumLogprob: sum(logprobs) }, place.eot);
  const avgLogprob = avgLogprobOf(hypothesis.sumLogprob, hypothesis.tokens);
  const error = sum(logprobErrors) / (hypothesis.tokens.length + 1);
  if (threshold === undefined || error === 0 || Math.abs(avgLogprob - threshold) > error) return hypothesis;
  return { ...hypothesis, sumLogprob: await exactLogprob(tokens, place, signal) };
}

/** The log-probability of a given text, each token's among those that were allowed in its place. */
async function exactLogprob(
  tokens: readonly number[],
  { audio, window, prompt, filters, nVocab }: TextPlace,
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
