/**
 * A quantile by linear interpolation between the two nearest order statistics: numpy's default method, Hyndman and Fan's
 * type 7. So the P99 of 20 values lies between the two largest, nearest the largest.
 *
 * @param sorted finite numbers in ascending order, at least one
 * @param share 0 for the least, 0.5 for the median, 1 for the greatest
 */
export function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined)
    throw new RangeError(`no quantile ${share} of ${sorted.length} values`);
  return below + (above - below) * (at - Math.floor(at));
}
