import type { GreedyRequest, GreedyResult, StepBatch } from '../backend.ts';

export interface Choice {
  readonly token: number;
  /** Its log-probability among the allowed tokens. */
  readonly logprob: number;
}

/**
 * The loop of DecoderRun.greedy.
 *
 * @param next appends tokens and chooses the likeliest one behind them; `suppress` f32 [nVocab] is added to the logits
 * @param isAborted asked before every token; when true, decoding ends where it is
 */
export async function decodeGreedily(
  { prompt, beginSuppress, suppress, stopToken, maxTokens, timed }: GreedyRequest,
  next: (tokens: readonly number[], suppress: Float32Array) => Choice | Promise<Choice>,
  isAborted: () => boolean,
): Promise<GreedyResult> {
  const tokens: number[] = [];
  const logprobs: number[] = [];
  const batches: StepBatch[] = [];
  let input = prompt;
  while (tokens.length < maxTokens && !isAborted()) {
    const started = performance.now();
    const { token, logprob } = await next(input, tokens.length === 0 ? beginSuppress : suppress);
    tokens.push(token);
    logprobs.push(logprob);
    batches.push({ steps: 1, elapsedMs: performance.now() - started });
    if (token === stopToken) break;
    input = [token];
  }
  return { tokens, logprobs, ...(timed ? { batches } : {}) };
}
