import { argMax, logSumExp } from '../logits/log-softmax.ts';
import { isTimestampDue, maskDisallowed } from '../logits/timestamp-rules.ts';
import type { GreedyRequest, GreedyResult, GreedySequence, StepBatch } from './backend.ts';

export interface Choice {
  readonly token: number;
  /** Its log-probability among the allowed tokens. */
  readonly logprob: number;
  /** The largest difference from the exact value. */
  readonly logprobError: number;
}

/** The tokens among which the next one is chosen. */
export interface AllowedTokens {
  /** Added to the logits, f32 [nVocab], 0 or -Infinity. */
  readonly mask: Float32Array;
  /** The first timestamp: when timestamps together are likelier than any other token, only they are allowed. */
  readonly timestampBegin?: number | undefined;
}

/** The same number of tokens for each sequence. */
export type SequenceTokens = readonly (readonly number[])[];

/** Sequences that greedy decoding continues, one over each window. */
export interface GrowingSequences {
  /** The length of each sequence in tokens. */
  readonly lengths: readonly number[];
  append(tokens: SequenceTokens): void | Promise<void>;
  /** Appends tokens to each sequence, and chooses the likeliest allowed token behind them. */
  choose(tokens: SequenceTokens, allowed: readonly AllowedTokens[]): readonly Choice[] | Promise<readonly Choice[]>;
  /** Truncates sequences to so many tokens. */
  truncate(lengths: readonly number[]): void;
}

/**
 * The loop of DecoderRun.greedy. Sequences that have ended are continued with the others until all have ended, and are then
 * truncated.
 *
 * @param isAborted called before every token; decoding ends when it returns true
 */
export async function decodeGreedily(
  request: GreedyRequest,
  growing: GrowingSequences,
  isAborted: () => boolean,
): Promise<GreedyResult> {
  const { prompts, stopToken, maxTokens, timed } = request;
  const before = growing.lengths;
  const allowedAfter = allowedTokensAfter(request);
  const sequences = prompts.map(() => ({
    tokens: [] as number[],
    logprobs: [] as number[],
    logprobErrors: [] as number[],
  }));
  const batches: StepBatch[] = [];
  let input = await appendRaggedPrefixes(prompts, growing);
  while (!isAborted() && sequences.some((sequence) => isUnfinished(sequence, request))) {
    const started = performance.now();
    const choices = await growing.choose(
      input,
      sequences.map(({ tokens }, i) => allowedAfter(tokens, i)),
    );
    for (const [i, sequence] of sequences.entries()) {
      const choice = choices[i];
      if (choice === undefined || !isUnfinished(sequence, { stopToken, maxTokens })) continue;
      sequence.tokens.push(choice.token);
      sequence.logprobs.push(choice.logprob);
      sequence.logprobErrors.push(choice.logprobError);
    }
    batches.push({ steps: 1, elapsedMs: performance.now() - started });
    input = sequences.map(({ tokens }) => tokens.slice(-1));
  }
  growing.truncate(lengthsAfter(before, prompts, sequences));
  return { sequences, ...(timed ? { batches } : {}) };
}

export function isUnfinished(
  { tokens }: Pick<GreedySequence, 'tokens'>,
  { stopToken, maxTokens }: Pick<GreedyRequest, 'stopToken' | 'maxTokens'>,
): boolean {
  return tokens.length < maxTokens && (tokens.length === 0 || tokens.at(-1) !== stopToken);
}

/** The lengths of sequences after greedy decoding: the last token of each has not been appended. */
export function lengthsAfter(
  before: readonly number[],
  prompts: SequenceTokens,
  sequences: readonly Pick<GreedySequence, 'tokens'>[],
): number[] {
  return prompts.map(
    ({ length }, i) => (before[i] as number) + length + Math.max(0, (sequences[i]?.tokens.length ?? 0) - 1),
  );
}

/**
 * Appends the beginnings of prompts of different lengths, so that the rest has the same length for each.
 *
 * @returns the rest of each prompt
 * @throws RangeError where a sequence has no prompt
 */
export async function appendRaggedPrefixes(
  prompts: SequenceTokens,
  { lengths, append, truncate }: Pick<GrowingSequences, 'lengths' | 'append' | 'truncate'>,
): Promise<SequenceTokens> {
  const shortest = Math.min(...prompts.map(({ length }) => length));
  if (prompts.length !== lengths.length || shortest === 0) throw new RangeError('every sequence needs a prompt');
  const longest = Math.max(...prompts.map(({ length }) => length));
  if (longest === shortest) return prompts;
  // Shorter beginnings are padded with an arbitrary token, and truncated again.
  const beginnings = prompts.map((prompt) => prompt.slice(0, prompt.length - shortest));
  const padded = beginnings.map((tokens) => [
    ...tokens,
    ...new Array<number>(longest - shortest - tokens.length).fill(0),
  ]);
  const before = lengths;
  await append(padded);
  truncate(beginnings.map(({ length }, i) => (before[i] as number) + length));
  return prompts.map((prompt) => prompt.slice(-shortest));
}

/** Returns which tokens are allowed behind the new tokens of a sequence. A sequence's mask is reused from call to call. */
function allowedTokensAfter({ prompts, beginSuppress, suppress, timestamps }: GreedyRequest) {
  const suppressed = (tokens: readonly number[]) => (tokens.length === 0 ? beginSuppress : suppress);
  if (timestamps === undefined) return (tokens: readonly number[]): AllowedTokens => ({ mask: suppressed(tokens) });
  const { rules, sequences } = timestamps;
  const masks = prompts.map(() => new Float32Array(suppress.length));
  return (tokens: readonly number[], sequence: number): AllowedTokens => {
    const mask = masks[sequence] as Float32Array;
    mask.set(suppressed(tokens));
    maskDisallowed(mask, [...(sequences[sequence] ?? []), ...tokens], rules);
    return { mask, timestampBegin: rules.timestampBegin };
  };
}

/** The likeliest allowed token, the first of equals. @param logits f32 [nVocab], all exact, changed in place */
export function chooseToken(logits: Float32Array, { mask, timestampBegin }: AllowedTokens): Choice {
  for (let i = 0; i < logits.length; i++) (logits[i] as number) += mask[i] as number;
  if (timestampBegin !== undefined && isTimestampDue(logits, timestampBegin))
    logits.fill(Number.NEGATIVE_INFINITY, 0, timestampBegin);
  const token = argMax(logits);
  return { token, logprob: (logits[token] as number) - logSumExp(logits), logprobError: 0 };
}

/** The result of DecoderRun.nextLogprobs. @param rows f32 [nVocab] behind each sequence */
export function logprobsOfTokens(rows: readonly Float32Array[], wantedTokens: readonly number[]): Float32Array {
  return Float32Array.from(
    rows.flatMap((logits) => {
      const norm = logSumExp(logits);
      return wantedTokens.map((token) => (logits[token] as number) - norm);
    }),
  );
}
