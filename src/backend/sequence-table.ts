import type { SequenceStep, Step } from './backend.ts';

/** A sequence of tokens as a list of KV cache entries, of which it shares the first ones with sequences that it branched from. */
interface Sequence {
  readonly window: number;
  /** The cache entry of each token, in order. */
  readonly entries: readonly number[];
}

/** The input of a step: new tokens, sequence by sequence. The keys and values of token i become the i-th new cache entry. */
export interface StepPlan {
  readonly tokens: Int32Array;
  /** The position of each token in its sequence. */
  readonly positions: Int32Array;
  readonly tokensPerSequence: number;
  /** The cache entries of each sequence before the step, in order. */
  readonly pastEntries: readonly (readonly number[])[];
  /** The sequences after the step. */
  readonly sequences: readonly Sequence[];
}

export interface SequenceLimits {
  readonly nTextCtx: number;
  readonly nVocab: number;
}

/**
 * Keeps track of which KV cache entries belong to which sequence. Entries are only ever appended, and a sequence is a list of
 * entries, so that hypotheses of a beam search branch and end without a copy.
 */
export class SequenceTable {
  readonly #limits: SequenceLimits;
  #sequences: readonly Sequence[];
  #entryCount = 0;

  /** @param windows one empty sequence begins over each of them */
  constructor(windows: number, limits: SequenceLimits) {
    this.#limits = limits;
    this.#sequences = Array.from({ length: windows }, (_, window) => ({ window, entries: [] }));
  }

  /** Entries in the cache. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** Plans a step and changes nothing yet. @throws RangeError where the step is impossible */
  plan({ tokens, parents = tokens.map((_, i) => i) }: SequenceStep): StepPlan {
    const { nTextCtx, nVocab } = this.#limits;
    const tokensPerSequence = tokens[0]?.length ?? 0;
    if (tokensPerSequence === 0) throw new RangeError('there is no token to append');
    const before = tokens.map((added, i) => {
      const sequence = this.#sequences[parents[i] ?? -1];
      if (sequence === undefined) throw new RangeError(`there is no sequence ${parents[i]}`);
      if (added.length !== tokensPerSequence) throw new RangeError('sequences of a step get the same number of tokens');
      const length = sequence.entries.length + tokensPerSequence;
      if (length > nTextCtx) throw new RangeError(`${length} tokens exceed the model's ${nTextCtx}`);
      return sequence;
    });
    this.#checkWindows(before);
    const all = Int32Array.from(tokens.flat());
    const invalidToken = all.find((token) => !(token >= 0 && token < nVocab));
    if (invalidToken !== undefined) throw new RangeError(`the model's ${nVocab} tokens do not include ${invalidToken}`);
    return {
      tokens: all,
      positions: Int32Array.from(
        all,
        (_, i) => (before[Math.floor(i / tokensPerSequence)]?.entries.length ?? 0) + (i % tokensPerSequence),
      ),
      tokensPerSequence,
      pastEntries: before.map(({ entries }) => entries),
      sequences: before.map(({ window, entries }, i) => {
        const first = this.#entryCount + i * tokensPerSequence;
        return { window, entries: [...entries, ...Array.from({ length: tokensPerSequence }, (_, j) => first + j)] };
      }),
    };
  }

  /** Records that the step has been computed, or queued. */
  commit(plan: StepPlan): void {
    this.#sequences = plan.sequences;
    this.#entryCount += plan.tokens.length;
  }

  /** Truncates sequences to so many tokens; their other entries stay in the cache, unused. */
  truncate(lengths: readonly number[]): void {
    this.#sequences = this.#sequences.map(({ window, entries }, i) => ({
      window,
      entries: entries.slice(0, lengths[i]),
    }));
  }

  /** How many tokens each sequence has. */
  get lengths(): readonly number[] {
    return this.#sequences.map(({ entries }) => entries.length);
  }

  /** Every window has the same number of sequences in a step. */
  #checkWindows(sequences: readonly Sequence[]): void {
    const windows = new Set(this.#sequences.map(({ window }) => window));
    const perWindow = sequences.length / windows.size;
    const order = [...windows].sort((a, b) => a - b);
    const isInOrder = sequences.every(({ window }, i) => window === order[Math.floor(i / perWindow)]);
    if (!Number.isInteger(perWindow) || !isInOrder)
      throw new RangeError('sequences of a step are in the order of their windows, with the same number for each');
  }
}

/** The first new token of each sequence whose logits are wanted. @throws RangeError where there is no such token */
export function firstLogitRow(
  { tokensPerSequence }: Pick<StepPlan, 'tokensPerSequence'>,
  { logitsFrom = tokensPerSequence - 1 }: Pick<Step, 'logitsFrom'>,
): number {
  if (Number.isInteger(logitsFrom) && logitsFrom >= 0 && logitsFrom < tokensPerSequence) return logitsFrom;
  throw new RangeError(`there are no logits behind token ${logitsFrom} of ${tokensPerSequence}`);
}

/** The indices of the step's tokens whose logits are wanted, in order. */
export function logitRows({ sequences, tokensPerSequence }: StepPlan, logitsFrom: number): number[] {
  return sequences.flatMap((_, sequence) =>
    Array.from({ length: tokensPerSequence - logitsFrom }, (_, i) => sequence * tokensPerSequence + logitsFrom + i),
  );
}

/** Added to an attention score, it makes the weight exactly 0 in f32; a row of nothing else does not become NaN. */
const maskedScore = -1e9;

/**
 * The causal attention mask of a step: a token attends to the earlier entries of its own sequence, and to itself.
 *
 * @param pastCount entries in the cache before the step
 * @returns f32 [new tokens, pastCount + new tokens], 0 or -1e9
 */
export function attentionMask({ tokens, tokensPerSequence, pastEntries }: StepPlan, pastCount: number): Float32Array {
  const total = pastCount + tokens.length;
  const mask = new Float32Array(tokens.length * total).fill(maskedScore);
  for (let row = 0; row < tokens.length; row++) {
    const sequence = Math.floor(row / tokensPerSequence);
    const start = row * total;
    for (const entry of pastEntries[sequence] ?? []) mask[start + entry] = 0;
    const first = start + pastCount + sequence * tokensPerSequence;
    mask.fill(0, first, first + (row % tokensPerSequence) + 1);
  }
  return mask;
}
