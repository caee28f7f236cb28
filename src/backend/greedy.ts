import { argMax, logSumExp } from '../logits/log-softmax.ts';
import { forbidMisplaced, isTimestampDue } from '../logits/timestamp-rules.ts';
import type { GreedyRequest, GreedyResult, StepBatch } from './backend.ts';

export interface Choice {
  readonly token: number;
  /** Its log-probability among the allowed tokens. */
  readonly logprob: number;
  /** How far that may be off. */
  readonly logprobError: number;
}

/** Between which tokens to choose. */
export interface Allowed {
  /** Added to the logits, f32 [nVocab], 0 or -Infinity. */
  readonly mask: Float32Array;
  /** Where given, only tokens from this one on are allowed when they are together likelier than any other. */
  readonly timestampBegin?: number | undefined;
}

/**
 * The loop of DecoderRun.greedy.
 *
 * @param next appends tokens and chooses the likeliest allowed one behind them
 * @param isAborted asked before every token; when true, decoding ends where it is
 */
export async function decodeGreedily(
  request: GreedyRequest,
  next: (tokens: readonly number[], allowed: Allowed) => Choice | Promise<Choice>,
  isAborted: () => boolean,
): Promise<GreedyResult> {
  const { prompt, stopToken, maxTokens, timed } = request;
  const allowedBehind = masking(request);
  const tokens: number[] = [];
  const logprobs: number[] = [];
  const logprobErrors: number[] = [];
  const batches: StepBatch[] = [];
  let input = prompt;
  while (tokens.length < maxTokens && !isAborted()) {
    const started = performance.now();
    const { token, logprob, logprobError } = await next(input, allowedBehind(tokens));
    tokens.push(token);
    logprobs.push(logprob);
    logprobErrors.push(logprobError);
    batches.push({ steps: 1, elapsedMs: performance.now() - started });
    if (token === stopToken) break;
    input = [token];
  }
  return { tokens, logprobs, logprobErrors, ...(timed ? { batches } : {}) };
}

/** What is allowed behind the new tokens so far. The mask may be the same memory every time. */
function masking({ beginSuppress, suppress, timestamps }: GreedyRequest): (tokens: readonly number[]) => Allowed {
  const suppressed = (tokens: readonly number[]) => (tokens.length === 0 ? beginSuppress : suppress);
  if (timestamps === undefined) return (tokens) => ({ mask: suppressed(tokens) });
  const { rules, text } = timestamps;
  const mask = new Float32Array(suppress.length);
  return (tokens) => {
    mask.set(suppressed(tokens));
    forbidMisplaced(mask, [...text, ...tokens], rules);
    return { mask, timestampBegin: rules.timestampBegin };
  };
}

/** The likeliest allowed token, the first of equals. @param logits f32 [nVocab], all exact, changed in place */
export function chooseToken(logits: Float32Array, { mask, timestampBegin }: Allowed): Choice {
  for (let i = 0; i < logits.length; i++) (logits[i] as number) += mask[i] as number;
  if (timestampBegin !== undefined && isTimestampDue(logits, timestampBegin))
    logits.fill(Number.NEGATIVE_INFINITY, 0, timestampBegin);
  const token = argMax(logits);
  return { token, logprob: (logits[token] as number) - logSumExp(logits), logprobError: 0 };
}
