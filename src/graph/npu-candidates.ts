import type { NpuLayers } from './npu-layers.ts';
import { elementType, type Value } from './onnx.ts';

/** Rows of logits, and how many tokens of each are wanted. */
export interface CandidatesShape {
  readonly rows: number;
  readonly nVocab: number;
  /** At most `nVocab`. */
  readonly count: number;
}

/** The likeliest tokens of each row, likeliest first: their ids i32 and log-probabilities f32, [rows, count] both. */
export interface Candidates {
  readonly tokens: Value;
  readonly logprobs: Value;
}

/** Added to a logit, it takes a token out of the choice; a number, as a sum over nothing but infinities is none. */
const forbidden = -1e30;

/**
 * Logits by what may come next.
 *
 * @param suppress f32 [nVocab], added to the logits
 * @param ranges i32 [rows, 4]: text tokens from the first number to before the second may come, times from the third to before
 *   the fourth, and nothing else; no text where all times together are likelier than any of it
 * @returns f32 [rows, nVocab]
 */
export function allowedLogits(
  { graph, split }: NpuLayers,
  nVocab: number,
  logits: Value,
  { suppress, ranges }: { readonly suppress: Value; readonly ranges: Value },
): Value {
  const number = (value: number) => graph.constant('f32', [], [value]);
  const isLess = (a: Value, b: Value) => graph.op('Less', [a, b]);
  const either = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const ids = graph.constant(
    'i32',
    [1, nVocab],
    Array.from({ length: nVocab }, (_, id) => id),
  );
  const [textFrom, textEnd, timeFrom, timeEnd] = split(ranges, 1, 4, [1, 1, 1, 1]);
  const scores = graph.op('Add', [logits, suppress]);
  const isText = isLess(ids, textEnd);
  const text = either(isLess(ids, textFrom), number(forbidden), either(isText, scores, number(forbidden)));
  const beforeEnd = either(isLess(ids, timeEnd), scores, number(forbidden));
  const times = either(isLess(ids, timeFrom), number(forbidden), beforeEnd);
  const likeliest = graph.op('ReduceMax', [text], { axes: [-1], keepdims: 1 });
  const allTimes = graph.op('ReduceLogSumExp', [times], { axes: [-1], keepdims: 1 });
  const isDue = either(isLess(likeliest, allTimes), number(forbidden), number(0));
  return either(isText, graph.op('Add', [text, isDue]), times);
}

/**
 * The likeliest tokens, the first of equals first. CANN's TopK is not known to have a kernel for this size, so it is done by
 * comparing: an entry's place is the number of those that come before it. As that is quadratic, the vocabulary is cut
 * into blocks: the best `count` blocks, by the best of each, hold the best `count` tokens.
 *
 * @param allowed f32 [rows, nVocab]
 */
export function likeliestTokens(
  layers: NpuLayers,
  allowed: Value,
  { rows, nVocab, count }: CandidatesShape,
): Candidates {
  const { graph, reshape } = layers;
  const sizes = blockSizes({ rows, nVocab, count });
  const total = sizes.reduce((product, size) => product * size, 1);
  const scores = padded(layers, allowed, { rows, from: nVocab, to: total });
  const best = bestByLevel(layers, rows, sizes, scores);

  // The best entries of each level, as their places among all of that level, in f32, which holds every place exactly.
  let entries = 1;
  let picked: Value | undefined;
  for (const [level, size] of sizes.entries()) {
    const ofLevel = best[level] as Value;
    const places = countingUp(layers, size);
    if (picked === undefined) {
      picked = likeliest(
        layers,
        { rows, count, length: size },
        reshape(ofLevel, [rows, size]),
        reshape(places, [1, size]),
      );
    } else {
      const length = count * size;
      const blocks = gatherOfRows(layers, { rows, entries }, reshape(ofLevel, [rows * entries, size]), picked);
      const first = graph.op('Mul', [reshape(picked, [rows, count, 1]), graph.constant('f32', [], [size])]);
      const within = reshape(graph.op('Add', [first, places]), [rows, length]);
      picked = likeliest(layers, { rows, count, length }, reshape(blocks, [rows, length]), within);
    }
    entries *= size;
  }
  if (picked === undefined) throw new Error('a vocabulary has at least one block');
  const logits = gatherOfRows(layers, { rows, entries }, reshape(scores, [rows * total]), picked);
  const norm = graph.op('ReduceLogSumExp', [allowed], { axes: [-1], keepdims: 1 });
  return {
    tokens: graph.op('Cast', [picked], { to: elementType.i32 }),
    logprobs: graph.op('Sub', [logits, norm]),
  };
}

/** The most comparisons of one level, for all rows: so many f32 numbers stay in the chip's cache. */
const mostComparisons = 3 << 20;

/**
 * Into how many blocks the vocabulary is cut, each of these into how many, and so on: as few levels as are not too many
 * comparisons, and on each level about as many entries.
 */
export function blockSizes(shape: CandidatesShape): number[] {
  const { rows, count } = shape;
  for (let levels = 1; ; levels++) {
    const sizes = levelSizes(shape, levels);
    const most = Math.max(...sizes.map((size, level) => (level === 0 ? size : count * size)));
    const [fewest = 0] = levelSizes(shape, levels + 1);
    // As many of the largest blocks are taken as are wanted.
    if (rows * most ** 2 <= mostComparisons || fewest < count) return sizes;
  }
}

function levelSizes({ nVocab, count }: CandidatesShape, levels: number): number[] {
  const entries = (nVocab * count ** (levels - 1)) ** (1 / levels);
  const inner = Math.max(2, Math.ceil(entries / count));
  return [Math.ceil(nVocab / inner ** (levels - 1)), ...new Array<number>(levels - 1).fill(inner)];
}

/** Rows f32 [rows, from] filled up to [rows, to] with what is never chosen. */
function padded(
  { graph }: NpuLayers,
  values: Value,
  { rows, from, to }: { readonly rows: number; readonly from: number; readonly to: number },
): Value {
  if (from === to) return values;
  const missing = new Array<number>(rows * (to - from)).fill(Number.NEGATIVE_INFINITY);
  return graph.op('Concat', [values, graph.constant('f32', [rows, to - from], missing)], { axis: 1 });
}

/** Per level the best of each entry's tokens, flat; of the last level, whose entries are tokens, the scores themselves. */
function bestByLevel({ graph, reshape }: NpuLayers, rows: number, sizes: readonly number[], scores: Value): Value[] {
  const best: Value[] = [];
  let finer = scores;
  for (let level = sizes.length - 1; level >= 0; level--) {
    best.unshift(finer);
    const size = sizes[level] as number;
    const entries = sizes.slice(0, level).reduce((product, ofLevel) => product * ofLevel, rows);
    if (level > 0) finer = graph.op('ReduceMax', [reshape(finer, [entries, size])], { axes: [-1], keepdims: 0 });
  }
  return best;
}

function countingUp({ graph }: NpuLayers, length: number): Value {
  return graph.constant(
    'f32',
    [length],
    Array.from({ length }, (_, i) => i),
  );
}

/**
 * Which of a row's entries are the likeliest, likeliest first, those of lower ids first among equals.
 *
 * @param scores f32 [rows, length]
 * @param ids f32 [rows, length], or [1, length] where they are the same for all rows
 * @returns their ids, f32 [rows, count]
 */
function likeliest(
  layers: NpuLayers,
  { rows, count, length }: { readonly rows: number; readonly count: number; readonly length: number },
  scores: Value,
  ids: Value,
): Value {
  const { graph, reshape } = layers;
  const number = (value: number) => graph.constant('f32', [], [value]);
  const isLess = (a: Value, b: Value) => graph.op('Less', [a, b]);
  const either = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const [own, others] = [reshape(scores, [rows, length, 1]), reshape(scores, [rows, 1, length])];
  const [ownId, otherIds] = [reshape(ids, [-1, length, 1]), reshape(ids, [-1, 1, length])];
  const isFirst = either(isLess(otherIds, ownId), number(1), number(0));
  const before = either(isLess(own, others), number(1), either(isLess(others, own), number(0), isFirst));
  const ones = graph.constant('f32', [length, 1], new Array<number>(length).fill(1));
  // A sum of so few ones is exact, however it is added up.
  const place = reshape(graph.op('Gemm', [reshape(before, [rows * length, length]), ones]), [rows, 1, length]);
  const wanted = reshape(countingUp(layers, count), [1, count, 1]);
  const notBehind = either(isLess(wanted, place), number(0), otherIds);
  return graph.op('ReduceMax', [either(isLess(place, wanted), number(0), notBehind)], { axes: [-1], keepdims: 0 });
}

/** Of `table`, which has `entries` for each row behind one another, those that each row names: f32 [rows, count] of them. */
function gatherOfRows(
  { graph }: NpuLayers,
  { rows, entries }: { readonly rows: number; readonly entries: number },
  table: Value,
  named: Value,
): Value {
  const firsts = graph.constant(
    'f32',
    [rows, 1],
    Array.from({ length: rows }, (_, row) => row * entries),
  );
  const index = graph.op('Cast', [graph.op('Add', [named, firsts])], { to: elementType.i32 });
  return graph.op('Gather', [table, index], { axis: 0 });
}
