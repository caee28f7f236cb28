import type { TimestampRules } from '../../logits/timestamp-rules.ts';
import { toHalf } from '../../model/float.ts';
import { type GreedyState, greedySlotSize, greedyState } from '../../model/greedy-state.ts';
import type { TokenKinds } from '../../model/token-kinds.ts';

/** The token that a step appends to a text. */
export interface NextToken {
  readonly token: number;
  /** Its place in its text. */
  readonly position: number;
  /** Where its row goes in its window's log. */
  readonly row: number;
}

/** The rules that hold behind a text, and its tokens so far behind its prompt. */
export interface TimedText {
  readonly rules: TimestampRules;
  readonly text: readonly number[];
}

/** A state (model/greedy-state.ts) from which a graph's steps go on by themselves. */
export function startingState(
  { token, position, row }: NextToken,
  kinds: TokenKinds,
  nVocab: number,
  timed: TimedText | undefined,
): GreedyState {
  const { timestampBegin } = kinds;
  const untimed = {
    token,
    position,
    row,
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
  const { rules, text } = timed;
  const isTime = (candidate: number | undefined) => candidate !== undefined && candidate >= timestampBegin;
  if (text.length === 0) return { ...untimed, timed: 1, needsTime: 1, highest: timestampBegin + rules.maxInitialIndex };
  return {
    ...untimed,
    timed: 1,
    isTime: Number(isTime(text.at(-1))),
    wasTime: Number(text.length < 2 || isTime(text.at(-2))),
    latest: text.findLast(isTime) ?? untimed.latest,
  };
}

/** States as the graph reads them, f32 [states, 16]. */
export function slotsOf(states: readonly GreedyState[]): Float32Array {
  const slots = new Float32Array(states.length * greedySlotSize);
  for (const [i, state] of states.entries())
    for (const [place, name] of greedyState.entries()) slots[i * greedySlotSize + place] = state[name];
  return slots;
}

/** What a slot says of the step that wrote it. */
export type StepState = Pick<GreedyState, 'token' | 'logprob' | 'logSum'>;

/** @param index counts the slots in `bytes` */
export function stateIn(bytes: Uint8Array<ArrayBuffer>, index: number): StepState {
  const slot = new Float32Array(bytes.buffer, bytes.byteOffset + 4 * index * greedySlotSize, greedySlotSize);
  const value = (name: keyof GreedyState) => slot[greedyState.indexOf(name)] as number;
  return { token: value('token'), logprob: value('logprob'), logSum: value('logSum') };
}

/** Added to a score, it takes the weight of a row to exactly 0, in float16 too, whose numbers end at 65504. */
const invisible = -60_000;

/**
 * Which rows of each window's log a graph for greedy decoding may look at: those of its text, and what its steps write.
 *
 * @param past rows of its log that each text has
 * @param row where the first step writes
 * @param itemSizeBytes 4 for f32, 2 for f16
 * @returns [windows, capacity]
 */
export function visibleRows(
  past: readonly (readonly number[])[],
  { windows, capacity }: { readonly windows: number; readonly capacity: number },
  row: number,
  itemSizeBytes: number,
): Uint8Array {
  const values = itemSizeBytes === 4 ? new Float32Array(windows * capacity) : new Uint16Array(windows * capacity);
  const hidden = itemSizeBytes === 4 ? invisible : toHalf(invisible);
  for (let window = 0; window < windows; window++) {
    const first = window * capacity;
    values.fill(hidden, first, first + row);
    for (const seen of past[window] ?? []) values[first + seen] = 0;
  }
  return new Uint8Array(values.buffer);
}
