import { quantile } from '../report/quantile.ts';

/** What is said of a list of measurements, in their unit. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly mean: number;
  /** Percentiles interpolate linearly (report/quantile.ts). */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Of the sample (n - 1); 0 for a single value. */
  readonly standardDeviation: number;
  /** 95 % confidence interval of the mean by Student's t; absent for a single value, which says nothing of its spread. */
  readonly meanCi95?: readonly [low: number, high: number];
}

/** @returns undefined for no values at all. @throws RangeError for a value that is not finite */
export function summarize(values: readonly number[]): Summary | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  if (!values.every(Number.isFinite)) throw new RangeError('a measurement is not a finite number');
  const sorted = [...values].sort((a, b) => a - b);
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = count === 1 ? 0 : Math.sqrt(squares / (count - 1));
  const halfWidth = count === 1 ? 0 : (studentT975(count - 1) * standardDeviation) / Math.sqrt(count);
  const at = (share: number) => quantile(sorted, share);
  return {
    count,
    min: at(0),
    mean,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
    standardDeviation,
    ...(count === 1 ? {} : { meanCi95: [mean - halfWidth, mean + halfWidth] as const }),
  };
}

/** The 0.975 quantile of Student's t for 1 to 9 degrees of freedom. */
const fewDegrees = [12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041, 2.2621572];

/**
 * The 0.975 quantile of Student's t: the factor of a two-sided 95 % interval. From 10 degrees of freedom on by the
 * expansion around the normal quantile (Abramowitz and Stegun 26.7.5), which is good to 1e-5 there.
 *
 * @param degrees a positive whole number
 */
export function studentT975(degrees: number): number {
  const tabled = fewDegrees[degrees - 1];
  if (tabled !== undefined) return tabled;
  const z = 1.959963985;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / degrees ** (i + 1), z);
}
