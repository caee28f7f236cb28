/**
 * A number that words are added to one by one, in decimal. Only its last digits ever change; those before them are put
 * away, so that a word costs the same however long the number has become.
 */
export interface GrowingNumber {
  /** A sum that more may be added to, or digits (perhaps with a point or a sign) that more digits may follow. */
  readonly kind: 'sum' | 'digits';
  readonly settled: string;
  /** Whether `settled` is a whole number by itself, without a sign or leading zeros. */
  readonly isWhole: boolean;
  /** Where anything is settled, more digits than any word's number has. */
  readonly last: string;
}

/** The largest number of a word, 10 ^ 33, has 34 digits, and 999 of it 36. */
const lastLength = 64;

export function sum(value: string): GrowingNumber {
  return settle({ kind: 'sum', settled: '', isWhole: true, last: value.replace(/^0+(?=\d)/, '') });
}

export function digits(text: string): GrowingNumber {
  return settle({ kind: 'digits', settled: '', isWhole: true, last: text });
}

export function textOf({ settled, last }: GrowingNumber): string {
  return settled + last;
}

/** Its digits and more behind them; a sum of 0 has none. */
export function followed(value: GrowingNumber | undefined, text: string): GrowingNumber {
  return value === undefined || isZero(value) ? digits(text) : extended(value, text);
}

/** All its digits, be it 0, and more behind them. */
export function extended(value: GrowingNumber, text: string): GrowingNumber {
  return settle({ ...value, kind: 'digits', last: value.last + text });
}

/** The same with other digits in place of the last one. */
export function replaced(value: GrowingNumber, text: string): GrowingNumber {
  return settle({ ...value, kind: 'digits', last: value.last.slice(0, -1) + text });
}

/** A sum and one more, if the places of that are free. */
export function added(value: GrowingNumber, addend: bigint): GrowingNumber | undefined {
  const places = addend < 10n ? 1 : 2;
  if (Number(value.last.slice(-places)) !== 0) return undefined;
  return withLast(value, BigInt(value.last) + addend);
}

/** A sum with its part below 1000 multiplied: "two million three hundred" times a thousand is 2,300,000. */
export function partMultiplied(value: GrowingNumber, multiplier: bigint): GrowingNumber {
  const part = BigInt(value.last.slice(-3));
  return withLast(value, BigInt(value.last) + part * (multiplier - 1n));
}

/** A decimal number times a power of ten, where that is whole. */
export function multiplied(value: GrowingNumber, power: bigint): GrowingNumber | undefined {
  const { settled, last } = value.isWhole ? value : { settled: '', last: textOf(value) };
  const [matched, whole = '', fraction = ''] = /^(\d*)(?:\.(\d*))?$/.exec(last) ?? [];
  if (matched === undefined || settled + whole + fraction === '') return undefined;
  const places = String(power).length - 1;
  if (/[1-9]/.test(fraction.slice(places))) return undefined;
  const product = whole + fraction.slice(0, places).padEnd(places, '0');
  return settled === '' ? sum(product) : settle({ kind: 'sum', settled, isWhole: true, last: product });
}

function isZero({ kind, settled, last }: GrowingNumber): boolean {
  return kind === 'sum' && settled === '' && last === '0';
}

function withLast(value: GrowingNumber, last: bigint): GrowingNumber {
  const text = String(last);
  if (value.settled === '') return sum(text);
  const { length } = value.last;
  if (text.length <= length) return settle({ ...value, last: text.padStart(length, '0') });
  return settle({ ...value, settled: increment(value.settled), last: text.slice(-length) });
}

function increment(decimal: string): string {
  let end = decimal.length;
  while (decimal[end - 1] === '9') end--;
  const zeros = '0'.repeat(decimal.length - end);
  return end === 0 ? `1${zeros}` : `${decimal.slice(0, end - 1)}${Number(decimal[end - 1]) + 1}${zeros}`;
}

function settle(value: GrowingNumber): GrowingNumber {
  const { settled, isWhole, last } = value;
  if (last.length <= 2 * lastLength) return value;
  const part = last.slice(0, -lastLength);
  const isWholePart = settled === '' ? /^[1-9]\d*$/.test(part) : /^\d*$/.test(part);
  return { ...value, settled: settled + part, isWhole: isWhole && isWholePart, last: last.slice(-lastLength) };
}
