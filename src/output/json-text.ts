import { wholeCharacters } from './plain-text.ts';

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [field: string]: JsonValue };

/** Fields whose numbers are whole by nature; all others are written with a decimal point. */
const integerFields = new Set(['id', 'seek', 'tokens']);

/**
 * JSON with the bytes of Python's `json.dump`, which is how openai/whisper writes it: ASCII only, a space after commas and
 * colons, floats in Python's notation. Unlike Python's it is always JSON: what is no number becomes null, half a character
 * U+FFFD.
 */
export function jsonText(value: JsonValue, field = ''): string {
  if (typeof value === 'string') return asciiString(value);
  if (typeof value === 'number') return integerFields.has(field) ? String(value) : floatText(value);
  if (isArray(value)) return `[${value.map((item) => jsonText(item, field)).join(', ')}]`;
  if (value === null || typeof value === 'boolean') return String(value);
  const members = Object.entries(value).map(([name, member]) => `${asciiString(name)}: ${jsonText(member, name)}`);
  return `{${members.join(', ')}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function asciiString(text: string): string {
  return JSON.stringify(wholeCharacters(text)).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Python's repr of a float: the same shortest digits as JavaScript's, with other bounds for the exponent. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
