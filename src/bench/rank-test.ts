/**
 * Mann and Whitney's test, one-sided, by the normal approximation with corrections for ties and continuity: how likely it
 * is that `b` would lie this far above `a` if both came from one distribution. It looks at ranks alone, so a run that was
 * interrupted for a second counts as one slow run.
 *
 * @returns a probability; small when `b` is larger. 1 where all values are equal
 */
export function probabilityOfChance(a: readonly number[], b: readonly number[]): number {
  const ranked = [...a.map((value) => ({ value, isB: false })), ...b.map((value) => ({ value, isB: true }))].sort(
    (x, y) => x.value - y.value,
  );
  const n = ranked.length;
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < n; ) {
    let to = from;
    while (to < n && ranked[to]?.value === ranked[from]?.value) to++;
    const rank = (from + 1 + to) / 2; // equals share the mean of their ranks
    rankSum += rank * ranked.slice(from, to).filter(({ isB }) => isB).length;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const u = rankSum - (b.length * (b.length + 1)) / 2;
  const expected = (a.length * b.length) / 2;
  const variance = ((a.length * b.length) / 12) * (n + 1 - ties / (n * (n - 1)));
  if (!(variance > 0)) return 1;
  return upperTail((u - expected - 0.5) / Math.sqrt(variance));
}

/** The standard normal distribution above z, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429].reduceRight(
    (sum, factor) => (sum + factor) * t,
    0,
  );
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
