/** Round numbers along an axis, and how they are written. */
export interface Ticks {
  /** Ascending, at least two; the first and last enclose all values. */
  readonly values: readonly number[];
  /** A tick as text, with as many digits as tell it from its neighbours. */
  readonly format: (value: number) => string;
}

/**
 * Ticks at 1, 2 or 5 times a power of ten around the values.
 *
 * @param values those that are not finite do not count
 * @param options `about` how many ticks; `fromZero` when 0 has to be among them
 */
export function niceTicks(
  values: readonly number[],
  { about = 5, fromZero = false }: { readonly about?: number; readonly fromZero?: boolean } = {},
): Ticks {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), fromZero ? 0 : Number.POSITIVE_INFINITY);
  const high = finite.reduce((most, value) => Math.max(most, value), fromZero ? 0 : Number.NEGATIVE_INFINITY);
  if (!(low <= high)) return niceTicks([0, 1], { about });
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (size < 1e-300) return niceTicks([0, 1], { about });
  // Values that are alike but for rounding get some room around them.
  if (high - low < size * 1e-9) return niceTicks([low - size / 20, high + size / 20], { about, fromZero });
  const step = niceStep((high - low) / Math.max(1, about - 1));
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  const isLong = digits > 7 || size >= 1e7;
  return {
    values: ticks,
    format: (value) => (isLong ? shortExponential(value) : value.toFixed(digits)),
  };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function shortExponential(value: number): string {
  return value === 0 ? '0' : Number(value.toPrecision(4)).toExponential();
}

/** Maps numbers onto pixels: the first tick to `start`, the last to `end`. */
export function scaleTo({ values }: Ticks, start: number, end: number): (value: number) => number {
  const low = values[0] ?? 0;
  const high = values.at(-1) ?? 1;
  return (value) => start + ((end - start) * (value - low)) / (high - low);
}

/** A coordinate, short: a tenth of a pixel is enough. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A value as text on its own: four significant digits, whole numbers whole. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e7) return String(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}
