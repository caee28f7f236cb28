import type { JsonSchema } from '../json-schema.ts';
import type { Kind } from '../kind.ts';

/** The largest number that options count with; no recording has more of anything. */
export const largestCount = 2 ** 31 - 1;

/** Reads a decimal number, blanks around it allowed. NaN for anything else, hexadecimal and nothing at all included. */
export function decimal(text: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
}

/** A number from `min` to `max`, both included. */
export function number(min: number, max: number, placeholder = 'x'): Kind<number> {
  const schema = { type: 'number', minimum: min, maximum: max };
  return numberKind(placeholder, `a number from ${min} to ${max}`, schema, (value) => value >= min && value <= max);
}

/** A whole number from `min` to `max`, both included. */
export function integer(min: number, max: number, placeholder = 'n'): Kind<number> {
  const isWithin = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  const schema = { type: 'integer', minimum: min, maximum: max };
  return numberKind(placeholder, `a whole number from ${min} to ${max}`, schema, isWithin);
}

function numberKind(
  placeholder: string,
  expected: string,
  schema: JsonSchema,
  isWithin: (value: number) => boolean,
): Kind<number> {
  const fromCode = (value: unknown) => {
    if (typeof value !== 'number' || !isWithin(value)) return undefined;
    return value === 0 ? 0 : value; // -0 is 0
  };
  return { placeholder, expected, schema, fromText: (text) => fromCode(decimal(text)), fromCode };
}

/** One or more numbers from `min` to `max`. */
export function numbers(min: number, max: number): Kind<readonly number[]> {
  return listOf(number(min, max), `a list of numbers from ${min} to ${max}`, 1);
}

/** Numbers of tokens, which may be none. */
export const tokens: Kind<readonly number[]> = listOf(integer(0, largestCount), 'a list of token numbers, as 13,30', 0);

function listOf(item: Kind<number>, expected: string, fewest: 0 | 1): Kind<readonly number[]> {
  const fromCode = (value: unknown) => {
    if (!Array.isArray(value) || value.length < fewest) return undefined;
    const items = Array.from(value, item.fromCode);
    return items.every((one) => one !== undefined) ? items : undefined;
  };
  return {
    placeholder: 'list',
    expected,
    fromText: (text) => fromCode(text.trim() === '' ? [] : text.split(',').map(decimal)),
    fromCode,
  };
}
