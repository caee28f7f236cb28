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

/** Added to a logit, it masks a token. It is finite, because the log-sum-exp of nothing but infinities is not a number. */
const maskedLogit = -1e30;

/**
 * Masks the logits of tokens that may not come next.
 *
 * @param suppress f32 [nVocab], added to the logits
 * @param ranges i32 [rows, 4]: begin and end of the text tokens that may come, then begin and end of the timestamps; ends are
 *   exclusive. Text is masked as well where timestamps together are likelier than any text token
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
  const where = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const ids = graph.constant(
    'i32',
    [1, nVocab],
    Array.from({ length: nVocab }, (_, id) => id),
  );
  const [textFrom, textEnd, timestampFrom, timestampEnd] = split(ranges, 1, 4, [1, 1, 1, 1]);
  const scores = graph.op('Add', [logits, suppress]);
  const isText = isLess(ids, textEnd);
  const text = where(isLess(ids, textFrom), number(maskedLogit), where(isText, scores, number(maskedLogit)));
  const beforeEnd = where(isLess(ids, timestampEnd), scores, number(maskedLogit));
  const timestamps = where(isLess(ids, timestampFrom), number(maskedLogit), beforeEnd);
  const topEntries = graph.op('ReduceMax', [text], { axes: [-1], keepdims: 1 });
  const timestampsTogether = graph.op('ReduceLogSumExp', [timestamps], { axes: [-1], keepdims: 1 });
  const isDue = where(isLess(topEntries, timestampsTogether), number(maskedLogit), number(0));
  return where(isText, graph.op('Add', [text, isDue]), timestamps);
}

/**
 * The likeliest tokens, the first of equal ones first. CANN's TopK is not known to have a kernel for this size, so tokens are
 * compared with each other: the rank of an entry is the number of entries that come before it. As that is quadratic, the
 * vocabulary is divided into blocks: the `count` blocks with the highest maxima contain the `count` likeliest tokens.
 *
 * @param allowed f32 [rows, nVocab]
 */
export function topTokens(layers: NpuLayers, allowed: Value, { rows, nVocab, count }: CandidatesShape): Candidates {
  const { graph, reshape } = layers;
  const sizes = blockSizes({ rows, nVocab, count });
  const total = sizes.reduce((product, size) => product * size, 1);
  const scores = padded(layers, allowed, { rows, from: nVocab, to: total });
  const best = maximaByLevel(layers, rows, sizes, scores);

  // The top entries of each level, as indices into the level, in f32, which holds every index exactly.
  let entries = 1;
  let topIndices: Value | undefined;
  for (const [level, size] of sizes.entries()) {
    const ofLevel = best[level] as Value;
    const indices = ascending(layers, size);
    if (topIndices === undefined) {
      topIndices = topEntries(
        layers,
        { rows, count, length: size },
        reshape(ofLevel, [rows, size]),
        reshape(indices, [1, size]),
      );
    } else {
      const length = count * size;
      const blocks = gatherOfRows(layers, { rows, entries }, reshape(ofLevel, [rows * entries, size]), topIndices);
      const first = graph.op('Mul', [reshape(topIndices, [rows, count, 1]), graph.constant('f32', [], [size])]);
      const within = reshape(graph.op('Add', [first, indices]), [rows, length]);
      topIndices = topEntries(layers, { rows, count, length }, reshape(blocks, [rows, length]), within);
    }
    entries *= size;
  }
  if (topIndices === undefined) throw new Error('a vocabulary has at least one block');
  const logits = gatherOfRows(layers, { rows, entries }, reshape(scores, [rows * total]), topIndices);
  const norm = graph.op('ReduceLogSumExp', [allowed], { axes: [-1], keepdims: 1 });
  return {
    tokens: graph.op('Cast', [topIndices], { to: elementType.i32 }),
    logprobs: graph.op('Sub', [logits, norm]),
  };
}

/** The most comparisons of one level, for all rows: so many f32 numbers stay in the chip's cache. */
const maxComparisons = 3 << 20;

/**
 * Divides the vocabulary into blocks, each of these into smaller ones, and so on: with the fewest levels that do not need too many
 * comparisons, and about the same number of entries on each level.
 */
export function blockSizes(shape: CandidatesShape): number[] {
  const { rows, count } = shape;
  for (let levels = 1; ; levels++) {
    const sizes = levelSizes(shape, levels);
    const most = Math.max(...sizes.map((size, level) => (level === 0 ? size : count * size)));
    const [fewest = 0] = levelSizes(shape, levels + 1);
    // The first level must have at least as many blocks as tokens are wanted.
    if (rows * most ** 2 <= maxComparisons || fewest < count) return sizes;
  }
}

function levelSizes({ nVocab, count }: CandidatesShape, levels: number): number[] {
  const entries = (nVocab * count ** (levels - 1)) ** (1 / levels);
  const inner = Math.max(2, Math.ceil(entries / count));
  return [Math.ceil(nVocab / inner ** (levels - 1)), ...new Array<number>(levels - 1).fill(inner)];
}

/** Rows f32 [rows, from] padded to [rows, to] with -Infinity. */
function padded(
  { graph }: NpuLayers,
  values: Value,
  { rows, from, to }: { readonly rows: number; readonly from: number; readonly to: number },
): Value {
  if (from === to) return values;
  const missing = new Array<number>(rows * (to - from)).fill(Number.NEGATIVE_INFINITY);
  return graph.op('Concat', [values, graph.constant('f32', [rows, to - from], missing)], { axis: 1 });
}

/** For each level the maximum of every entry's tokens, flat; for the last level, whose entries are tokens, the scores themselves. */
function maximaByLevel({ graph, reshape }: NpuLayers, rows: number, sizes: readonly number[], scores: Value): Value[] {
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

function ascending({ graph }: NpuLayers, length: number): Value {
  return graph.constant(
    'f32',
    [length],
    Array.from({ length }, (_, i) => i),
  );
}

/**
 * The entries of each row with the highest scores, highest first; of equal ones those with lower ids first.
 *
 * @param scores f32 [rows, length]
 * @param ids f32 [rows, length], or [1, length] where they are the same for all rows
 * @returns their ids, f32 [rows, count]
 */
function topEntries(
  layers: NpuLayers,
  { rows, count, length }: { readonly rows: number; readonly count: number; readonly length: number },
  scores: Value,
  ids: Value,
): Value {
  const { graph, reshape } = layers;
  const number = (value: number) => graph.constant('f32', [], [value]);
  const isLess = (a: Value, b: Value) => graph.op('Less', [a, b]);
  const where = (condition: Value, a: Value, b: Value) => graph.op('Where', [condition, a, b]);
  const [own, others] = [reshape(scores, [rows, length, 1]), reshape(scores, [rows, 1, length])];
  const [ownId, otherIds] = [reshape(ids, [-1, length, 1]), reshape(ids, [-1, 1, length])];
  const isFirst = where(isLess(otherIds, ownId), number(1), number(0));
  const before = where(isLess(own, others), number(1), where(isLess(others, own), number(0), isFirst));
  const ones = graph.constant('f32', [length, 1], new Array<number>(length).fill(1));
  // A sum of so few ones is exact in any order.
  const rank = reshape(graph.op('Gemm', [reshape(before, [rows * length, length]), ones]), [rows, 1, length]);
  const wanted = reshape(ascending(layers, count), [1, count, 1]);
  const notBehind = where(isLess(wanted, rank), number(0), otherIds);
  return graph.op('ReduceMax', [where(isLess(rank, wanted), number(0), notBehind)], { axes: [-1], keepdims: 0 });
}

/** Gathers from `table`, which has `entries` for each row, those with the indices f32 [rows, count] of the row. */
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
