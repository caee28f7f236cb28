/** log(sum(exp(values[from..to]))); -Infinity where all of them are. */
export function logSumExp(values: Float32Array, from = 0, to = values.length): number {
  const largest = max(values, from, to);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.exp((values[i] as number) - largest);
  return largest + Math.log(sum);
}

/** The largest of values[from..to]; -Infinity of none. */
export function max(values: Float32Array, from: number, to: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) if ((values[i] as number) > largest) largest = values[i] as number;
  return largest;
}

/** The index of the largest value; the first of equal ones. */
export function argMax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** The indices of the `count` largest values, the largest first; of equal ones the first come first. */
export function topK(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  let threshold = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (best.length === count && !(value > threshold)) continue;
    let at = best.length;
    while (at > 0 && value > (values[best[at - 1] as number] as number)) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
    threshold = values[best[best.length - 1] as number] as number;
  }
  return best;
}

/** Draws an index with probability proportional to exp(values / temperature). @param random uniform in [0, 1) */
export function sample(values: Float32Array, temperature: number, random: () => number): number {
  const largest = max(values, 0, values.length);
  const weight = (i: number) => Math.exp(((values[i] as number) - largest) / temperature);
  let total = 0;
  for (let i = 0; i < values.length; i++) total += weight(i);
  let rest = random() * total;
  let last = 0;
  for (let i = 0; i < values.length; i++) {
    const share = weight(i);
    if (share === 0) continue;
    last = i;
    rest -= share;
    if (rest < 0) return i;
  }
  return last;
}
