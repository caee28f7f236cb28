import { argMax, logSumExp } from '../logits/log-softmax.ts';
import { forbidMisplaced, isTimestampDue } from '../logits/timestamp-rules.ts';
import type { GreedyRequest, GreedyResult, GreedyText, StepBatch } from './backend.ts';

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

/** Tokens for each text, as many for each. */
export type TokensOfTexts = readonly (readonly number[])[];

/** Texts that greedy decoding continues, one over each window. */
export interface GrowingTexts {
  /** How many tokens each has. */
  readonly lengths: readonly number[];
  append(tokens: TokensOfTexts): void | Promise<void>;
  /** Appends tokens and chooses the likeliest allowed one behind each text's. */
  choose(tokens: TokensOfTexts, allowed: readonly Allowed[]): readonly Choice[] | Promise<readonly Choice[]>;
  /** Shortens texts to so many tokens. */
  cut(lengths: readonly number[]): void;
}

/**
 * The loop of DecoderRun.greedy. Texts that have ended are carried along until all have, and cut.
 *
 * @param isAborted asked before every token; when true, decoding ends where it is
 */
export async function decodeGreedily(
  request: GreedyRequest,
  growing: GrowingTexts,
  isAborted: () => boolean,
): Promise<GreedyResult> {
  const { prompts, stopToken, maxTokens, timed } = request;
  const before = growing.lengths;
  const allowedBehind = masking(request);
  const texts = prompts.map(() => ({
    tokens: [] as number[],
    logprobs: [] as number[],
    logprobErrors: [] as number[],
  }));
  const batches: StepBatch[] = [];
  let input = await appendRaggedPrefixes(prompts, growing);
  while (!isAborted() && texts.some((text) => isGoing(text, request))) {
    const started = performance.now();
    const choices = await growing.choose(
      input,
      texts.map(({ tokens }, i) => allowedBehind(tokens, i)),
    );
    for (const [i, text] of texts.entries()) {
      const choice = choices[i];
      if (choice === undefined || !isGoing(text, { stopToken, maxTokens })) continue;
      text.tokens.push(choice.token);
      text.logprobs.push(choice.logprob);
      text.logprobErrors.push(choice.logprobError);
    }
    batches.push({ steps: 1, elapsedMs: performance.now() - started });
    input = texts.map(({ tokens }) => tokens.slice(-1));
  }
  growing.cut(lengthsAfter(before, prompts, texts));
  return { texts, ...(timed ? { batches } : {}) };
}

export function isGoing(
  { tokens }: Pick<GreedyText, 'tokens'>,
  { stopToken, maxTokens }: Pick<GreedyRequest, 'stopToken' | 'maxTokens'>,
): boolean {
  return tokens.length < maxTokens && (tokens.length === 0 || tokens.at(-1) !== stopToken);
}

/** How long texts are behind greedy decoding: the last token of each has not been appended. */
export function lengthsAfter(
  before: readonly number[],
  prompts: TokensOfTexts,
  texts: readonly Pick<GreedyText, 'tokens'>[],
): number[] {
  return prompts.map(
    ({ length }, i) => (before[i] as number) + length + Math.max(0, (texts[i]?.tokens.length ?? 0) - 1),
  );
}

/**
 * Appends the beginnings of prompts of different lengths, so that what is left is as long for each.
 *
 * @returns what is left
 * @throws RangeError where a text has no prompt
 */
export async function appendRaggedPrefixes(
  prompts: TokensOfTexts,
  { lengths, append, cut }: Pick<GrowingTexts, 'lengths' | 'append' | 'cut'>,
): Promise<TokensOfTexts> {
  const shortest = Math.min(...prompts.map(({ length }) => length));
  if (prompts.length !== lengths.length || shortest === 0) throw new RangeError('every text needs a prompt');
  const longest = Math.max(...prompts.map(({ length }) => length));
  if (longest === shortest) return prompts;
  // Shorter ones are filled up with any token, and cut.
  const beginnings = prompts.map((prompt) => prompt.slice(0, prompt.length - shortest));
  const filled = beginnings.map((tokens) => [
    ...tokens,
    ...new Array<number>(longest - shortest - tokens.length).fill(0),
  ]);
  const before = lengths;
  await append(filled);
  cut(beginnings.map(({ length }, i) => (before[i] as number) + length));
  return prompts.map((prompt) => prompt.slice(-shortest));
}

/** What is allowed behind the new tokens of a text so far. The mask may be the same memory every time for a text. */
function masking({ prompts, beginSuppress, suppress, timestamps }: GreedyRequest) {
  const suppressed = (tokens: readonly number[]) => (tokens.length === 0 ? beginSuppress : suppress);
  if (timestamps === undefined) return (tokens: readonly number[]): Allowed => ({ mask: suppressed(tokens) });
  const { rules, texts } = timestamps;
  const masks = prompts.map(() => new Float32Array(suppress.length));
  return (tokens: readonly number[], text: number): Allowed => {
    const mask = masks[text] as Float32Array;
    mask.set(suppressed(tokens));
    forbidMisplaced(mask, [...(texts[text] ?? []), ...tokens], rules);
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

/** What DecoderRun.ask gives. @param rows f32 [nVocab] behind each text */
export function logprobsOf(rows: readonly Float32Array[], of: readonly number[]): Float32Array {
  return Float32Array.from(
    rows.flatMap((logits) => {
      const norm = logSumExp(logits);
      return of.map((token) => (logits[token] as number) - norm);
    }),
  );
}
