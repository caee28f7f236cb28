import { logSumExp } from '../logits/log-softmax.ts';

/** Two vectors held against each other. */
export interface VectorDifference {
  /** The largest absolute difference; NaN where a number is missing on either side. */
  readonly maxAbs: number;
  /** Cosine of the angle between them; 1 for equal vectors. */
  readonly cosine: number;
  /** Length of the difference over the length of the reference; 0 for equal vectors. */
  readonly relative: number;
}

/** @throws RangeError for vectors of different lengths */
export function compareVectors(reference: Float32Array, tested: Float32Array): VectorDifference {
  checkLengths(reference, tested);
  let [maxAbs, dot, squares, testedSquares, differenceSquares] = [0, 0, 0, 0, 0];
  for (let i = 0; i < reference.length; i++) {
    const [a, b] = [reference[i] as number, tested[i] as number];
    const difference = Math.abs(a - b);
    // Math.max keeps a NaN, a comparison would lose it.
    maxAbs = Math.max(maxAbs, difference);
    dot += a * b;
    squares += a * a;
    testedSquares += b * b;
    differenceSquares += difference * difference;
  }
  return {
    maxAbs,
    cosine: dot / Math.sqrt(squares * testedSquares),
    relative: differenceSquares === 0 ? 0 : Math.sqrt(differenceSquares / squares),
  };
}

/** What two sides think of the token at one place of the same text. */
export interface PositionDifference {
  /** The reference's token there. */
  readonly token: number;
  /** The largest difference of any token's probability, in percent. */
  readonly maxProbabilityDifferencePercent: number;
  /** Of the logits. */
  readonly cosine: number;
  /** Kullback-Leibler divergence of the tested probabilities from the reference's, in nats. */
  readonly klDivergence: number;
  /** Whether both sides find the same allowed token likeliest. */
  readonly sameTop1: boolean;
  /** Place of the reference's token among the allowed ones of the tested side: 1 where it would choose it too. */
  readonly rank: number;
}

/**
 * Holds logits of one position against each other. Probabilities are those of the whole vocabulary, before anything is
 * suppressed; only top 1 and rank look at what decoding may choose.
 *
 * @param reference f32 [nVocab]
 * @param tested f32 [nVocab]
 * @param suppress added before a token is chosen; f32 [nVocab], 0 or -Infinity
 * @param token the reference's choice
 */
export function compareLogits(
  reference: Float32Array,
  tested: Float32Array,
  suppress: Float32Array,
  token: number,
): PositionDifference {
  const { cosine } = compareVectors(reference, tested);
  const [logSum, testedLogSum] = [logSumExp(reference), logSumExp(tested)];
  let [largest, divergence] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const logProbability = (reference[i] as number) - logSum;
    const testedLogProbability = (tested[i] as number) - testedLogSum;
    const probability = Math.exp(logProbability);
    largest = Math.max(largest, Math.abs(probability - Math.exp(testedLogProbability)));
    if (probability !== 0) divergence += probability * (logProbability - testedLogProbability);
  }
  return {
    token,
    maxProbabilityDifferencePercent: 100 * largest,
    cosine,
    // It is never negative; sums of rounded numbers may be.
    klDivergence: Math.max(0, divergence),
    sameTop1: topAllowed(reference, suppress) === topAllowed(tested, suppress),
    rank: rankOf(token, tested, suppress),
  };
}

/** The allowed token with the highest logit, the first of equals. */
function topAllowed(logits: Float32Array, suppress: Float32Array): number {
  let [token, best] = [-1, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < logits.length; i++) {
    const logit = (logits[i] as number) + (suppress[i] as number);
    if (logit > best) [token, best] = [i, logit];
  }
  return token;
}

/** 1 + how many allowed tokens are likelier. A token that nothing is known of ranks last. */
function rankOf(token: number, logits: Float32Array, suppress: Float32Array): number {
  const own = (logits[token] ?? Number.NaN) + (suppress[token] ?? 0);
  let rank = 1;
  for (let i = 0; i < logits.length; i++) if (!((logits[i] as number) + (suppress[i] as number) <= own)) rank++;
  return rank;
}

function checkLengths(reference: Float32Array, tested: Float32Array): void {
  if (reference.length === tested.length) return;
  throw new RangeError(`${tested.length} values cannot be compared with ${reference.length}`);
}
