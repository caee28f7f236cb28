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

/** Added to a logit, it masks a token. It is finite, because the difference of two infinities is not a number. */
const maskedLogit = -1e30;

/** The likeliest token of one kind, its score, and the log-sum-exp over all tokens of the kind; [windows, 1] each. */
interface Likeliest {
  readonly token: Value;
  readonly score: Value;
  readonly logSum: Value;
}

/**
 * Chooses the likeliest allowed token of each window by the rules of logits/timestamp-rules.ts, the first of equal ones. The kinds of
 * tokens are words, special tokens and timestamps; rules that mask a whole kind are applied to the likeliest token of the kind, so
 * that the vocabulary is read no more often than without rules.
 *
 * @param logits f32 [windows, nVocab]
 * @param suppress f32 [nVocab], added to the logits: 0, or a number from -1e30 on down that is no infinity
 * @returns the next states, f32 [windows, 16]
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
  const and = (a: Value, b: Value) => graph.op('Mul', [a, b]);
  const isLess = (a: Value, b: Value) => graph.op('Less', [a, b]);
  const where = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const penaltyIf = (flag: Value) => and(flag, number(maskedLogit));
  const likeliest = (scores: Value, firstToken: number): Likeliest => {
    const i64Index = graph.op('ArgMax', [scores], { axis: -1, keepdims: 0 });
    const i32Index = graph.op('Cast', [i64Index], { to: elementType.i32 });
    const index = reshape(graph.op('Cast', [i32Index], { to: elementType.f32 }), [windows, 1]);
    return {
      token: firstToken === 0 ? index : add(index, number(firstToken)),
      score: graph.op('ReduceMax', [scores], { axes: [-1], keepdims: 1 }),
      logSum: graph.op('ReduceLogSumExp', [scores], { axes: [-1], keepdims: 1 }),
    };
  };
  const penalised = ({ token, score, logSum }: Likeliest, penalty: Value): Likeliest => ({
    token,
    score: add(score, penalty),
    logSum: add(logSum, penalty),
  });

  const { timed, isTime, wasTime, latest, needsTime, highest } = state;
  const endsSegment = and(isTime, subtract(number(1), wasTime));
  const isPaired = and(isTime, wasTime);

  const sizes = [eot, timestampBegin - eot, nVocab - timestampBegin] as const;
  const [wordScores, specialScores, timestampScores] = split(add(logits, suppress), 1, nVocab, sizes);
  const timestampIds = Array.from({ length: nVocab - timestampBegin }, (_, i) => timestampBegin + i);
  const timestamps = graph.constant('f32', [1, timestampIds.length], timestampIds);
  // The timestamp that has just ended a segment may be repeated to begin the next one; any other must be later.
  const lowest = subtract(add(latest, number(1)), endsSegment);
  const latePenalty = where(isLess(highest, timestamps), number(maskedLogit), number(0));
  const timestampPenalty = where(isLess(timestamps, lowest), number(maskedLogit), latePenalty);

  const words = penalised(likeliest(wordScores, 0), penaltyIf(add(endsSegment, needsTime)));
  const specials = penalised(likeliest(specialScores, eot), penaltyIf(needsTime));
  const timestamp = penalised(likeliest(add(timestampScores, timestampPenalty), timestampBegin), penaltyIf(isPaired));
  const isSpecial = isLess(words.score, specials.score);
  const textScore = where(isSpecial, specials.score, words.score);
  // Timestamps together are likelier than any other token: one of them must come next.
  const isDue = and(where(isLess(textScore, timestamp.logSum), number(1), number(0)), timed);
  const duePenalty = penaltyIf(isDue);
  const score = add(textScore, duePenalty);
  const choosesTimestamp = isLess(score, timestamp.score);
  const token = where(choosesTimestamp, timestamp.token, where(isSpecial, specials.token, words.token));
  const logSums = [add(words.logSum, duePenalty), add(specials.logSum, duePenalty), timestamp.logSum];
  const logSum = graph.op('ReduceLogSumExp', [graph.op('Concat', logSums, { axis: 1 })], { axes: [-1], keepdims: 1 });

  const column = (value: number) => graph.constant('f32', [windows, 1], new Array<number>(windows).fill(value));
  const nextIsTime = and(where(choosesTimestamp, number(1), number(0)), timed);
  const next: StateColumns = {
    token,
    position: add(state.position, number(1)),
    entry: add(state.entry, number(1)),
    timed,
    isTime: nextIsTime,
    wasTime: add(isTime, needsTime),
    latest: where(isLess(number(0), nextIsTime), token, latest),
    needsTime: column(0),
    highest: column(nVocab),
    logprob: subtract(where(choosesTimestamp, timestamp.score, score), logSum),
    logSum,
  };
  const rest = greedySlotSize - greedyState.length;
  const zeros = graph.constant('f32', [windows, rest], new Array<number>(windows * rest).fill(0));
  return graph.op('Concat', [...greedyState.map((name) => next[name]), zeros], { axis: 1 });
}
