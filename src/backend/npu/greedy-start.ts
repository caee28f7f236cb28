import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import { toHalf } from '../../model/float.ts';
import { type GreedyState, greedySlotSize, greedyState } from '../../model/greedy-state.ts';
import type { TokenKinds } from '../../model/token-kinds.ts';

/** The token that a step appends to a sequence. */
export interface NextToken {
  readonly token: number;
  /** Its position in the sequence. */
  readonly position: number;
  /** The index of its entry in the KV cache region of its window. */
  readonly entry: number;
}

/** The timestamp rules for a sequence, and its tokens so far behind its prompt. */
export interface TimestampContext {
  readonly rules: TimestampRules;
  readonly sequence: readonly number[];
}

/** A state (model/greedy-state.ts) from which a graph's steps go on by themselves. */
export function startingState(
  { token, position, entry }: NextToken,
  kinds: TokenKinds,
  nVocab: number,
  timed: TimestampContext | undefined,
): GreedyState {
  const { timestampBegin } = kinds;
  const untimed = {
    token,
    position,
    entry,
    timed: 0,
    isTime: 0,
    wasTime: 0,
    latest: timestampBegin - 1,
    needsTime: 0,
    highest: nVocab,
    logprob: 0,
    logSum: 0,
  };
  if (timed === undefined) return untimed;
  const { rules, sequence } = timed;
  const isTime = (candidate: number | undefined) => candidate !== undefined && candidate >= timestampBegin;
  if (sequence.length === 0)
    return { ...untimed, timed: 1, needsTime: 1, highest: timestampBegin + rules.maxInitialIndex };
  return {
    ...untimed,
    timed: 1,
    isTime: Number(isTime(sequence.at(-1))),
    wasTime: Number(sequence.length < 2 || isTime(sequence.at(-2))),
    latest: sequence.findLast(isTime) ?? untimed.latest,
  };
}

/** States in the layout that the graph reads, f32 [states, 16]. */
export function slotsOf(states: readonly GreedyState[]): Float32Array {
  const slots = new Float32Array(states.length * greedySlotSize);
  for (const [i, state] of states.entries())
    for (const [index, name] of greedyState.entries()) slots[i * greedySlotSize + index] = state[name];
  return slots;
}

/** The fields of a state that the step which wrote it has computed. */
export type StepState = Pick<GreedyState, 'token' | 'logprob' | 'logSum'>;

/** Reads a state from downloaded bytes. @param index of the state in `bytes` */
export function stateIn(bytes: Uint8Array<ArrayBuffer>, index: number): StepState {
  const slot = new Float32Array(bytes.buffer, bytes.byteOffset + 4 * index * greedySlotSize, greedySlotSize);
  const value = (name: keyof GreedyState) => slot[greedyState.indexOf(name)] as number;
  return { token: value('token'), logprob: value('logprob'), logSum: value('logSum') };
}

/** Added to an attention score, it makes the weight exactly 0; float16 holds it, whose largest number is 65504. */
const maskedScore = -60_000;

/**
 * The attention mask of a graph for greedy decoding: which entries of each window's KV cache region a sequence attends to, its
 * own so far and all that the steps will write.
 *
 * @param pastEntries the entries of each sequence, as indices into the region of its window
 * @param kvLength the index that the first step writes to
 * @param itemSizeBytes 4 for f32, 2 for f16
 * @returns [windows, capacity]
 */
export function visibleEntries(
  pastEntries: readonly (readonly number[])[],
  { windows, capacity }: { readonly windows: number; readonly capacity: number },
  kvLength: number,
  itemSizeBytes: number,
): Uint8Array {
  const values = itemSizeBytes === 4 ? new Float32Array(windows * capacity) : new Uint16Array(windows * capacity);
  const masked = itemSizeBytes === 4 ? maskedScore : toHalf(maskedScore);
  for (let window = 0; window < windows; window++) {
    const first = window * capacity;
    values.fill(masked, first, first + kvLength);
    for (const entry of pastEntries[window] ?? []) values[first + entry] = 0;
  }
  return new Uint8Array(values.buffer);
}
