/** How a text differs from the one it should be, along one of the shortest ways from one to the other. */
export interface EditCounts {
  readonly substitutions: number;
  /** Items of the hypothesis that the reference does not have. */
  readonly insertions: number;
  /** Items of the reference that the hypothesis lacks. */
  readonly deletions: number;
}

/** Band to begin with; recordings that are transcribed well need no wider one. */
const firstBand = 32;

/**
 * Levenshtein distance with its parts. Where several shortest ways exist, a substitution is preferred to a deletion and
 * that to an insertion. Time and memory grow with the longer length times the number of differences.
 */
export function editCounts<T>(reference: ArrayLike<T>, hypothesis: ArrayLike<T>): EditCounts {
  const [ref, hyp] = numbered(reference, hypothesis);
  let start = 0;
  while (start < ref.length && start < hyp.length && ref[start] === hyp[start]) start++;
  let [refEnd, hypEnd] = [ref.length, hyp.length];
  while (refEnd > start && hypEnd > start && ref[refEnd - 1] === hyp[hypEnd - 1]) {
    refEnd--;
    hypEnd--;
  }
  const [refPart, hypPart] = [ref.subarray(start, refEnd), hyp.subarray(start, hypEnd)];
  const longest = Math.max(refPart.length, hypPart.length);
  // A way of `band` edits strays at most that far from the diagonal: if it is found within the band, it is the shortest.
  for (let band = Math.max(firstBand, Math.abs(refPart.length - hypPart.length)); ; band *= 2) {
    const counts = countWithin(refPart, hypPart, band);
    const distance = counts.substitutions + counts.insertions + counts.deletions;
    if (distance <= band || band >= longest) return counts;
  }
}

/** The items as numbers, the same for equal items: they are compared many times. */
function numbered<T>(...lists: readonly ArrayLike<T>[]): [Int32Array, Int32Array] {
  const numbers = new Map<T, number>();
  const numberOf = (item: T) => {
    const known = numbers.get(item) ?? numbers.size;
    numbers.set(item, known);
    return known;
  };
  return lists.map((list) => Int32Array.from(list as ArrayLike<T & number>, numberOf)) as [Int32Array, Int32Array];
}

/** A way to some cell: what it costs, and its substitutions and deletions; the rest of the cost is insertions. */
interface Row {
  readonly cost: Int32Array;
  readonly substitutions: Int32Array;
  readonly deletions: Int32Array;
}

const unreachable = 2 ** 30;

/** The shortest way that stays within `band` columns of the diagonal. */
function countWithin(ref: Int32Array, hyp: Int32Array, band: number): EditCounts {
  const newRow = (): Row => ({
    cost: new Int32Array(hyp.length + 1).fill(unreachable),
    substitutions: new Int32Array(hyp.length + 1),
    deletions: new Int32Array(hyp.length + 1),
  });
  let [above, row] = [newRow(), newRow()];
  for (let j = 0; j <= Math.min(band, hyp.length); j++) above.cost[j] = j;
  for (let i = 1; i <= ref.length; i++) {
    const [from, to] = [Math.max(0, i - band), Math.min(hyp.length, i + band)];
    // Left of the band lies what is left of the row before last; right of it nothing has been written yet.
    if (from > 0) row.cost[from - 1] = unreachable;
    for (let j = from; j <= to; j++) fillCell(above, row, j, j > 0 && ref[i - 1] === hyp[j - 1]);
    [above, row] = [row, above];
  }
  const last = hyp.length;
  const [cost, substitutions, deletions] = [above.cost[last], above.substitutions[last], above.deletions[last]];
  if (cost === undefined || substitutions === undefined || deletions === undefined) throw new Error('no last cell');
  return { substitutions, deletions, insertions: cost - substitutions - deletions };
}

function fillCell(above: Row, row: Row, j: number, isEqual: boolean): void {
  const at = (values: Int32Array, index: number) => values[index] as number;
  const diagonal = j > 0 ? at(above.cost, j - 1) + (isEqual ? 0 : 1) : unreachable;
  const deletion = at(above.cost, j) + 1;
  const insertion = j > 0 ? at(row.cost, j - 1) + 1 : unreachable;
  const cost = Math.min(diagonal, deletion, insertion);
  row.cost[j] = cost;
  if (cost === diagonal) {
    row.substitutions[j] = at(above.substitutions, j - 1) + (isEqual ? 0 : 1);
    row.deletions[j] = at(above.deletions, j - 1);
  } else if (cost === deletion) {
    row.substitutions[j] = at(above.substitutions, j);
    row.deletions[j] = at(above.deletions, j) + 1;
  } else {
    row.substitutions[j] = at(row.substitutions, j - 1);
    row.deletions[j] = at(row.deletions, j - 1);
  }
}
