import { type NumberWord, numberWords, signs } from './english-number-words.ts';
import {
  added,
  digits,
  extended,
  followed,
  type GrowingNumber,
  multiplied,
  partMultiplied,
  replaced,
  sum,
  textOf,
} from './growing-number.ts';

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

interface Writer {
  readonly written: string[];
  /** The sign or currency before the number under way. */
  prefix: string;
  value: GrowingNumber | undefined;
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

function write(writer: Writer, text: string): void {
  writer.written.push(`${writer.prefix}${text}`);
  writer.prefix = '';
  writer.value = undefined;
}

/** Writes the number under way, if there is one. */
function endNumber(writer: Writer): void {
  if (writer.value !== undefined) write(writer, textOf(writer.value));
}

const figures = /^\d+(\.\d+)?$/;

/** Begins a number that is written in figures, or goes on with one. @returns false for any other word */
function addFigures(writer: Writer, word: string): boolean {
  const prefix = signs.has(word[0] ?? '') ? (word[0] ?? '') : '';
  const number = word.slice(prefix.length);
  if (!figures.test(number)) return false;
  if (writer.value?.last.endsWith('.')) {
    writer.value = followed(writer.value, word);
    return true;
  }
  endNumber(writer);
  writer.prefix = prefix || writer.prefix;
  writer.value = multiplied(digits(number), 1n) ?? digits(number);
  return true;
}

type Outcome = 'tookNext' | undefined;

function add(writer: Writer, place: Place, known: NumberWord): Outcome {
  switch (known.kind) {
    case 'zero':
      writer.value = followed(writer.value, '0');
      return undefined;
    case 'ones':
    case 'tens':
      return finish(writer, appended(writer.value, place, known), known);
    case 'multiplier':
      return finish(writer, multipliedBy(writer, known.value), known);
    case 'sign':
      endNumber(writer);
      if (isNumeric(place.next)) writer.prefix = known.symbol;
      else write(writer, place.word);
      return undefined;
    case 'currency':
      if (writer.value !== undefined) writer.prefix = known.symbol;
      write(writer, writer.value === undefined ? place.word : textOf(writer.value));
      return undefined;
    case 'percent':
      return addPercent(writer, place);
    case 'special':
      return addSpecial(writer, place);
  }
}

/** A plural or an ordinal ends its number. */
function finish(writer: Writer, value: GrowingNumber, { suffix }: NumberWord): undefined {
  if (suffix === '') writer.value = value;
  else write(writer, `${textOf(value)}${suffix}`);
}

/** "twenty" + "one" is a sum; where the places are taken, or digits came one by one, the digits follow each other. */
function appended(value: GrowingNumber | undefined, { previous }: Place, known: NumberWord): GrowingNumber {
  const { kind, value: number } = known;
  if (value === undefined) return sum(String(number));
  if (value.kind === 'digits' || (kind === 'ones' && isPlain(previous, 'ones'))) {
    const endsInTens = kind === 'ones' && number < 10n && isPlain(previous, 'tens');
    return endsInTens ? replaced(value, String(number)) : extended(value, String(number));
  }
  return added(value, number) ?? extended(value, String(number));
}

/** Takes thousands alone: "two million three hundred thousand" is 2,000,000 + 300 times 1,000. */
function multipliedBy(writer: Writer, multiplier: bigint): GrowingNumber {
  const { value } = writer;
  if (value === undefined) return sum(String(multiplier));
  if (value.kind === 'sum') return partMultiplied(value, multiplier);
  const product = multiplied(value, multiplier);
  if (product !== undefined) return product;
  write(writer, textOf(value));
  return sum(String(multiplier));
}

/** "percent", and "per" where "cent" follows. */
function addPercent(writer: Writer, { word, next }: Place): Outcome {
  const isWhole = word === 'percent';
  if (writer.value !== undefined && (isWhole || next === 'cent')) {
    write(writer, `${textOf(writer.value)}%`);
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
      if (isPlain(next, 'zero', 'ones', 'tens') || figures.test(next)) writer.value = followed(writer.value, '.');
      return undefined;
    }
    if (word === 'and' && isPlain(previous, 'multiplier')) return undefined;
    if (word !== 'and' && isPlain(next, 'zero', 'ones')) {
      const digit = String(numberWords.get(next)?.value ?? 0);
      writer.value = followed(writer.value, digit.repeat(word === 'double' ? 2 : 3));
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
