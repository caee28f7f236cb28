import type { DecoderRun } from '../backend/backend.ts';
import { argMax, logSumExp } from '../logits/log-softmax.ts';
import { logitFilters, rulesForTimestamps } from './logit-filters.ts';
import type { GreedyText } from './score-text.ts';
import type { Beginning } from './search.ts';
import { suppressMask } from './suppress.ts';

/**
 * Greedy decoding of one window: what likeliestTexts gives at temperature 0 without beams, but behind the first token the
 * backend goes on by itself.
 */
export async function likeliestTokens(
  run: DecoderRun,
  { rules, options, logits: [logits, ...others], mostTokens }: Beginning,
  signal: AbortSignal | undefined,
): Promise<GreedyText> {
  if (logits === undefined || others.length > 0) throw new RangeError('greedy decoding is of one window');
  const { nVocab, eot } = rules.special;
  for (const filter of logitFilters(rules, options)) filter.apply(logits, []);
  const token = argMax(logits);
  const logprob = (logits[token] as number) - logSumExp(logits);
  if (token === eot || mostTokens === 1) return { tokens: [token], logprobs: [logprob], logprobErrors: [0] };
  const suppress =
    options.suppress.length === 0
      ? rules.suppress
      : suppressMask(nVocab, [...rules.suppressTokens, ...options.suppress]);
  const { tokens, logprobs, logprobErrors } = await run.greedy(
    {
      prompt: [token],
      beginSuppress: suppress,
      suppress,
      ...(options.timestamps ? { timestamps: { rules: rulesForTimestamps(rules, options), text: [token] } } : {}),
      stopToken: eot,
      maxTokens: mostTokens - 1,
    },
    signal,
  );
  return {
    tokens: [token, ...tokens],
    logprobs: [logprob, ...logprobs],
    logprobErrors: [0, ...logprobErrors],
  };
}
