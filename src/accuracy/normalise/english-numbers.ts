import { type NumberWord, numberWords, signs } from './english-number-words.ts';

/**
 * Numbers in words as digits, with signs, currencies, percents, decimals and ordinals: "two point five million dollars"
 * becomes "$2500000", "nineteen fifties" "1950s", "double oh seven" "007". Expects lower case.
 * Source: openai/whisper normalizers/english.py, EnglishNumberNormalizer.
 */
export function normaliseNumbers(text: string): string {
  const words = spaceNumbers(writeHalves(text))
    .split(/\s+/)
    .filter((word) => word !== '');
  return joinCents(writeDigits(words).join(' '));
}

/** "three and a half" -> "three point five" */
function writeHalves(text: string): string {
  const parts = text.split(/(?<![\p{L}\p{N}_])and\s+a\s+half(?![\p{L}\p{N}_])/u);
  return parts
    .flatMap((part, i) => {
      const last = part.trim().split(/\s+/).at(-1) ?? '';
      // With nothing before it, the phrase is dropped.
      if (last === '') return [];
      if (i === parts.length - 1) return [part];
      return [part, isPlain(last, 'zero', 'ones', 'tens', 'multiplier') ? 'point five' : 'and a half'];
    })
    .join(' ');
}

/** A space between digits and letters, but none before what may be a number's suffix. */
function spaceNumbers(text: string): string {
  return text
    .replace(/([a-z])([0-9])/g, '$1 $2')
    .replace(/([0-9])([a-z])/g, '$1 $2')
    .replace(/([0-9])\s+(st|nd|rd|th|s)(?![\p{L}\p{N}_])/gu, '$1$2');
}

/** "$2 and ¢7" -> "$2.07", "$0.36" -> "¢36"; and 1 stays a word, because it mostly is one. */
function joinCents(text: string): string {
  const end = '(?![\\p{L}\\p{N}_])';
  return (
    text
      .replace(
        new RegExp(`([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})${end}`, 'gu'),
        (_, currency: string, whole: string, cents: string) => `${currency}${whole}.${cents.padStart(2, '0')}`,
      )
      // The published rule takes any character for the decimal point.
      .replace(new RegExp(`[€£$]0.([0-9]{1,2})${end}`, 'gu'), (_, cents: string) => `¢${Number(cents)}`)
      .replace(new RegExp(`(?<![\\p{L}\\p{N}_])1(s?)${end}`, 'gu'), 'one$1')
  );
}

/** A number so far: a sum that more words may be added to, or digits that more digits may follow. */
type Value = bigint | string;

interface Writer {
  readonly written: string[];
  /** The sign or currency before the number under way. */
  prefix: string;
  value: Value | undefined;
}

/** A word with those beside it; '' at either end. */
interface Place {
  readonly previous: string;
  readonly word: string;
  readonly next: string;
}

function writeDigits(words: readonly string[]): string[] {
  const writer: Writer = { written: [], prefix: '', value: undefined };
  for (let i = 0; i < words.length; i++) {
    const place: Place = { previous: words[i - 1] ?? '', word: words[i] ?? '', next: words[i + 1] ?? '' };
    if (addFigures(writer, place.word)) continue;
    const known = numberWords.get(place.word);
    if (known === undefined) {
      endNumber(writer);
      write(writer, place.word);
    } else if (add(writer, place, known) === 'tookNext') i++;
  }
  endNumber(writer);
  return writer.written;
}

function write(writer: Writer, text: Value): void {
  writer.written.push(`${writer.prefix}${text}`);
  writer.prefix = '';
  writer.value = undefined;
}

/** Writes the number under way, if there is one. */
function endNumber(writer: Writer): void {
  if (writer.value !== undefined) write(writer, writer.value);
}

/** The digits that a value is, as they stand before more digits; a sum of 0 has none. */
function digitsOf(value: Value | undefined): string {
  return value === undefined || value === 0n ? '' : String(value);
}

const figures = /^\d+(\.\d+)?$/;

/** Begins a number that is written in figures, or goes on with one. @returns false for any other word */
function addFigures(writer: Writer, word: string): boolean {
  const prefix = signs.has(word[0] ?? '') ? (word[0] ?? '') : '';
  const number = word.slice(prefix.length);
  if (!figures.test(number)) return false;
  if (typeof writer.value === 'string' && writer.value.endsWith('.')) {
    writer.value += word;
    return true;
  }
  endNumber(writer);
  writer.prefix = prefix || writer.prefix;
  writer.value = scaled(number, 1n) ?? number;
  return true;
}

type Outcome = 'tookNext' | undefined;

function add(writer: Writer, place: Place, known: NumberWord): Outcome {
  switch (known.kind) {
    case 'zero':
      writer.value = `${digitsOf(writer.value)}0`;
      return undefined;
    case 'ones':
    case 'tens':
      return finish(writer, appended(writer.value, place, known), known);
    case 'multiplier':
      return finish(writer, multiplied(writer, known.value), known);
    case 'sign':
      endNumber(writer);
      if (isNumeric(place.next)) writer.prefix = known.symbol;
      else write(writer, place.word);
      return undefined;
    case 'currency':
      if (writer.value !== undefined) writer.prefix = known.symbol;
      write(writer, writer.value ?? place.word);
      return undefined;
    case 'percent':
      return addPercent(writer, place);
    case 'special':
      return addSpecial(writer, place);
  }
}

/** A plural or an ordinal ends its number. */
function finish(writer: Writer, value: Value, { suffix }: NumberWord): undefined {
  if (suffix === '') writer.value = value;
  else write(writer, `${value}${suffix}`);
}

/** "twenty" + "one" is a sum; where the places are taken, or digits came one by one, the digits follow each other. */
function appended(value: Value | undefined, { previous }: Place, known: NumberWord): Value {
  const { kind, value: added } = known;
  if (value === undefined) return added;
  const isDigit = kind === 'ones' && added < 10n;
  if (typeof value === 'string' || (kind === 'ones' && isPlain(previous, 'ones'))) {
    const endsInTens = isDigit && isPlain(previous, 'tens');
    return `${endsInTens ? String(value).slice(0, -1) : value}${added}`;
  }
  return value % (isDigit ? 10n : 100n) === 0n ? value + added : `${value}${added}`;
}

/** Takes thousands alone: "two million three hundred thousand" is 2,000,000 + 300 times 1,000. */
function multiplied(writer: Writer, multiplier: bigint): Value {
  const { value } = writer;
  if (value === undefined) return multiplier;
  if (typeof value === 'bigint') return value - (value % 1000n) + (value % 1000n) * multiplier;
  const product = scaled(value, multiplier);
  if (product !== undefined) return product;
  write(writer, value);
  return multiplier;
}

/** A decimal number times a whole one, where that is whole. */
function scaled(text: string, multiplier: bigint): bigint | undefined {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(text);
  const [, whole = '', fraction = ''] = match ?? [];
  if (whole + fraction === '') return undefined;
  const product = BigInt(whole + fraction) * multiplier;
  const divisor = 10n ** BigInt(fraction.length);
  return product % divisor === 0n ? product / divisor : undefined;
}

/** "percent", and "per" where "cent" follows. */
function addPercent(writer: Writer, { word, next }: Place): Outcome {
  const isWhole = word === 'percent';
  if (writer.value !== undefined && (isWhole || next === 'cent')) {
    write(writer, `${writer.value}%`);
    return isWhole ? undefined : 'tookNext';
  }
  endNumber(writer);
  write(writer, word);
  return undefined;
}

/** "and", "point", "double" and "triple" mean something only before what may be a number. */
function addSpecial(writer: Writer, { previous, word, next }: Place): Outcome {
  if (isNumeric(next)) {
    if (word === 'point') {
      if (isPlain(next, 'zero', 'ones', 'tens') || figures.test(next)) writer.value = `${digitsOf(writer.value)}.`;
      return undefined;
    }
    if (word === 'and' && isPlain(previous, 'multiplier')) return undefined;
    if (word !== 'and' && isPlain(next, 'zero', 'ones')) {
      const digits = String(numberWords.get(next)?.value ?? 0);
      writer.value = digitsOf(writer.value) + digits.repeat(word === 'double' ? 2 : 3);
      return 'tookNext';
    }
  }
  endNumber(writer);
  write(writer, word);
  return undefined;
}

/** A word of one of these kinds that is neither plural nor ordinal. */
function isPlain(word: string, ...kinds: readonly NumberWord['kind'][]): boolean {
  const known = numberWords.get(word);
  return known?.suffix === '' && kinds.includes(known.kind);
}

function isNumeric(word: string): boolean {
  return numberWords.has(word) || figures.test(word);
}
