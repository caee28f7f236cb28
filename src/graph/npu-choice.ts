import { type GreedyState, greedySlotSize, greedyState } from '../model/greedy-state.ts';
import type { TokenKinds } from '../model/token-kinds.ts';
import type { NpuLayers } from './npu-layers.ts';
import { elementType, type Value } from './onnx.ts';

/** The columns of states [windows, 16], each [windows, 1]. */
export type StateColumns = Readonly<Record<keyof GreedyState, Value>>;

export function splitState({ split }: NpuLayers, state: Value): StateColumns {
  const rest = greedySlotSize - greedyState.length;
  const columns = split(state, 1, greedySlotSize, [...greedyState.map(() => 1), rest]);
  return Object.fromEntries(greedyState.map((name, i) => [name, columns[i]])) as Record<keyof GreedyState, Value>;
}

/** Added to a score, it takes a token out of the choice; a number, as the difference of infinities is none. */
const forbidden = -1e30;

/** The likeliest of one kind of tokens: its place among them, its score, and the log-sum-exp over all of them; [windows, 1]. */
interface Likeliest {
  readonly token: Value;
  readonly score: Value;
  readonly logSum: Value;
}

/**
 * Chooses the likeliest allowed token of each window as logits/timestamp-rules.ts has it, the first of equals. What is forbidden
 * to all words, to all special tokens or to all times is decided on the likeliest of each kind, so that the vocabulary is read
 * no more often than without rules.
 *
 * @param logits f32 [windows, nVocab]
 * @param suppress f32 [nVocab], added to the logits: 0, or a number from -1e30 on down that is no infinity
 * @returns the states behind the choice, f32 [windows, 16]
 */
export function chooseToken(
  layers: NpuLayers,
  { windows, nVocab, kinds }: { readonly windows: number; readonly nVocab: number; readonly kinds: TokenKinds },
  state: StateColumns,
  { logits, suppress }: { readonly logits: Value; readonly suppress: Value },
): Value {
  const { graph, split, reshape } = layers;
  const { eot, timestampBegin } = kinds;
  const number = (value: number) => graph.constant('f32', [], [value]);
  const add = (...terms: readonly Value[]) => terms.reduce((sum, term) => graph.op('Add', [sum, term]));
  const subtract = (a: Value, b: Value) => graph.op('Sub', [a, b]);
  const both = (a: Value, b: Value) => graph.op('Mul', [a, b]);
  const isLess = (a: Value, b: Value) => graph.op('Less', [a, b]);
  const either = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const forbidding = (flag: Value) => both(flag, number(forbidden));
  const likeliest = (scores: Value, firstToken: number): Likeliest => {
    const place = graph.op('ArgMax', [scores], { axis: -1, keepdims: 0 });
    const whole = graph.op('Cast', [place], { to: elementType.i32 });
    const index = reshape(graph.op('Cast', [whole], { to: elementType.f32 }), [windows, 1]);
    return {
      token: firstToken === 0 ? index : add(index, number(firstToken)),
      score: graph.op('ReduceMax', [scores], { axes: [-1], keepdims: 1 }),
      logSum: graph.op('ReduceLogSumExp', [scores], { axes: [-1], keepdims: 1 }),
    };
  };
  const without = ({ token, score, logSum }: Likeliest, penalty: Value): Likeliest => ({
    token,
    score: add(score, penalty),
    logSum: add(logSum, penalty),
  });

  const { timed, isTime, wasTime, latest, needsTime, highest } = state;
  const endsStretch = both(isTime, subtract(number(1), wasTime));
  const isPaired = both(isTime, wasTime);

  const sizes = [eot, timestampBegin - eot, nVocab - timestampBegin] as const;
  const [wordScores, specialScores, timeScores] = split(add(logits, suppress), 1, nVocab, sizes);
  const allTimes = Array.from({ length: nVocab - timestampBegin }, (_, i) => timestampBegin + i);
  const times = graph.constant('f32', [1, allTimes.length], allTimes);
  // A time that has just ended a stretch may be repeated to begin the next one; no other may.
  const lowest = subtract(add(latest, number(1)), endsStretch);
  const tooLate = either(isLess(highest, times), number(forbidden), number(0));
  const misplaced = either(isLess(times, lowest), number(forbidden), tooLate);

  const words = without(likeliest(wordScores, 0), forbidding(add(endsStretch, needsTime)));
  const specials = without(likeliest(specialScores, eot), forbidding(needsTime));
  const time = without(likeliest(add(timeScores, misplaced), timestampBegin), forbidding(isPaired));
  const isSpecial = isLess(words.score, specials.score);
  const textScore = either(isSpecial, specials.score, words.score);
  // All times together are likelier than any other token: one of them comes next.
  const isDue = both(either(isLess(textScore, time.logSum), number(1), number(0)), timed);
  const notDue = forbidding(isDue);
  const score = add(textScore, notDue);
  const takesTime = isLess(score, time.score);
  const token = either(takesTime, time.token, either(isSpecial, specials.token, words.token));
  const logSums = [add(words.logSum, notDue), add(specials.logSum, notDue), time.logSum];
  const logSum = graph.op('ReduceLogSumExp', [graph.op('Concat', logSums, { axis: 1 })], { axes: [-1], keepdims: 1 });

  const column = (value: number) => graph.constant('f32', [windows, 1], new Array<number>(windows).fill(value));
  const nextIsTime = both(either(takesTime, number(1), number(0)), timed);
  const next: StateColumns = {
    token,
    position: add(state.position, number(1)),
    entry: add(state.entry, number(1)),
    timed,
    isTime: nextIsTime,
    wasTime: add(isTime, needsTime),
    latest: either(isLess(number(0), nextIsTime), token, latest),
    needsTime: column(0),
    highest: column(nVocab),
    logprob: subtract(either(takesTime, time.score, score), logSum),
    logSum,
  };
  const rest = greedySlotSize - greedyState.length;
  const zeros = graph.constant('f32', [windows, rest], new Array<number>(windows * rest).fill(0));
  return graph.op('Concat', [...greedyState.map((name) => next[name]), zeros], { axis: 1 });
}
