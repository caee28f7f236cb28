import type { DecoderRun, GreedySequence } from '../backend/backend.ts';
import { rulesForTimestamps } from './logit-filters.ts';
import type { SearchStart } from './search.ts';
import { suppressMask } from './suppress.ts';

/**
 * Greedy decoding of one sequence over each window, with the result of searchHypotheses at temperature 0 without beams, but in
 * the loop of the backend.
 *
 * @param prompts the tokens of each prompt that have not been appended yet
 */
export async function decodeWindowsGreedily(
  run: DecoderRun,
  { rules, options, maxTokens }: Omit<SearchStart, 'logits'>,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<readonly GreedySequence[]> {
  const { nVocab, eot } = rules.special;
  const isUsual = options.suppress.length === 0;
  const never = [...rules.suppressTokens, ...options.suppress];
  const timestamps = { rules: rulesForTimestamps(rules, options), sequences: prompts.map(() => []) };
  const { sequences } = await run.greedy(
    {
      prompts,
      beginSuppress: isUsual ? rules.beginSuppress : suppressMask(nVocab, [...never, ...rules.beginSuppressTokens]),
      suppress: isUsual ? rules.suppress : suppressMask(nVocab, never),
      ...(options.timestamps ? { timestamps } : {}),
      stopToken: eot,
      maxTokens: maxTokens,
    },
    signal,
  );
  return sequences;
}
