/** From so many measurements on, the growth of memory is judged. */
const leastMeasurements = 9;

/** After how many inputs memory is measured: often enough to judge short runs too, as collecting garbage takes its time. */
export function measureEvery(nInputs: number): number {
  return Math.max(1, Math.min(250, Math.floor(nInputs / 12)));
}

/**
 * By how much memory has grown between the middle of a run and its end. At its beginning programs are compiled and tables
 * made, which is no loss.
 *
 * @param measurements bytes, in the order of their time
 * @returns bytes; undefined where there are too few measurements to say
 */
export function growth(measurements: readonly number[]): number | undefined {
  if (measurements.length < leastMeasurements) return undefined;
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const third = Math.floor(measurements.length / 3);
  return Math.max(0, median(measurements.slice(-third)) - median(measurements.slice(third, 2 * third)));
}
