/** What a word does to the number it stands in. */
export interface NumberWord {
  readonly kind: 'zero' | 'ones' | 'tens' | 'multiplier' | 'sign' | 'currency' | 'percent' | 'special';
  readonly value: bigint;
  /** What plurals and ordinals write behind the digits: s, st, nd, rd, th. */
  readonly suffix: string;
  /** What signs and currencies write before them. */
  readonly symbol: string;
}

const ones = (
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
  'eighteen nineteen'
).split(' ');
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const illions = 'million billion trillion quadrillion quintillion sextillion septillion octillion nonillion decillion';

/** Ordinals that are not the number with th behind it. */
const irregularOrdinals: Readonly<Record<string, readonly [ordinal: string, suffix: string]>> = {
  one: ['first', 'st'],
  two: ['second', 'nd'],
  three: ['third', 'rd'],
  five: ['fifth', 'th'],
  eight: ['eighth', 'th'],
  twelve: ['twelfth', 'th'],
};

const prefixes = {
  sign: { minus: '-', negative: '-', plus: '+', positive: '+' },
  currency: {
    pound: '£',
    pounds: '£',
    euro: '€',
    euros: '€',
    dollar: '$',
    dollars: '$',
    cent: '¢',
    cents: '¢',
  },
} as const;

/** Every word that has to do with numbers. */
export const numberWords: ReadonlyMap<string, NumberWord> = new Map(allWords());

/** Symbols that may stand before the figures of a number. */
export const signs: ReadonlySet<string> = new Set(
  Object.values(prefixes).flatMap((symbols) => Object.values<string>(symbols)),
);

function* allWords(): Generator<[string, NumberWord]> {
  const entry = (kind: NumberWord['kind'], value: bigint, suffix = '', symbol = ''): NumberWord => ({
    kind,
    value,
    suffix,
    symbol,
  });
  for (const word of ['o', 'oh', 'zero']) yield [word, entry('zero', 0n)];
  yield ['zeroth', entry('ones', 0n, 'th')];
  for (const [i, word] of ones.entries()) {
    const value = BigInt(i + 1);
    const [ordinal, suffix] = irregularOrdinals[word] ?? [`${word}th`, 'th'];
    yield [word, entry('ones', value)];
    yield [word === 'six' ? 'sixes' : `${word}s`, entry('ones', value, 's')];
    yield [ordinal, entry('ones', value, suffix)];
  }
  for (const [i, word] of tens.entries()) {
    const value = BigInt(10 * (i + 2));
    yield [word, entry('tens', value)];
    yield [word.replace('y', 'ies'), entry('tens', value, 's')];
    yield [word.replace('y', 'ieth'), entry('tens', value, 'th')];
  }
  for (const [i, word] of ['hundred', 'thousand', ...illions.split(' ')].entries()) {
    const value = word === 'hundred' ? 100n : 1000n ** BigInt(i);
    yield [word, entry('multiplier', value)];
    yield [`${word}s`, entry('multiplier', value, 's')];
    yield [`${word}th`, entry('multiplier', value, 'th')];
  }
  for (const kind of ['sign', 'currency'] as const) {
    for (const [word, symbol] of Object.entries(prefixes[kind])) yield [word, entry(kind, 0n, '', symbol)];
  }
  for (const word of ['per', 'percent']) yield [word, entry('percent', 0n)];
  for (const word of ['and', 'double', 'triple', 'point']) yield [word, entry('special', 0n)];
}
