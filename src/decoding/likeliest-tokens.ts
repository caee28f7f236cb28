import type { DecoderRun, GreedyText } from '../backend/backend.ts';
import { rulesForTimestamps } from './logit-filters.ts';
import type { Beginning } from './search.ts';
import { suppressMask } from './suppress.ts';

/**
 * Greedy decoding of one text over each window: what likeliestTexts gives at temperature 0 without beams, but the backend goes on
 * by itself.
 *
 * @param prompts what of each window's prompt has not been appended yet
 */
export async function likeliestTokens(
  run: DecoderRun,
  { rules, options, mostTokens }: Omit<Beginning, 'logits'>,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<readonly GreedyText[]> {
  const { nVocab, eot } = rules.special;
  const isUsual = options.suppress.length === 0;
  const never = [...rules.suppressTokens, ...options.suppress];
  const timestamps = { rules: rulesForTimestamps(rules, options), texts: prompts.map(() => []) };
  const { texts } = await run.greedy(
    {
      prompts,
      beginSuppress: isUsual ? rules.beginSuppress : suppressMask(nVocab, [...never, ...rules.beginSuppressTokens]),
      suppress: isUsual ? rules.suppress : suppressMask(nVocab, never),
      ...(options.timestamps ? { timestamps } : {}),
      stopToken: eot,
      maxTokens: mostTokens,
    },
    signal,
  );
  return texts;
}
