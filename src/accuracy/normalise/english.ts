import { readFileSync } from 'node:fs';
import { removeAsides, removeSymbolsAndDiacritics, singleSpaces, wholeWord, wordEnd } from './characters.ts';
import { normaliseNumbers } from './english-numbers.ts';

type Replacements = readonly (readonly [RegExp, string])[];

const hesitations = wholeWord('hmm|mm|mhm|mmm|uh|um');

/** Order matters: what comes first is taken first. */
const replacements: Replacements = [
  ...whole({
    "won't": 'will not',
    "can't": 'can not',
    "let's": 'let us',
    "ain't": 'aint',
    "y'all": 'you all',
    wanna: 'want to',
    gotta: 'got to',
    gonna: 'going to',
    "i'ma": 'i am going to',
    imma: 'i am going to',
    woulda: 'would have',
    coulda: 'could have',
    shoulda: 'should have',
    "ma'am": 'madam',
    mr: 'mister ',
    mrs: 'missus ',
    st: 'saint ',
    dr: 'doctor ',
    prof: 'professor ',
    capt: 'captain ',
    gov: 'governor ',
    ald: 'alderman ',
    gen: 'general ',
    sen: 'senator ',
    rep: 'representative ',
    pres: 'president ',
    rev: 'reverend ',
    hon: 'honorable ',
    asst: 'assistant ',
    assoc: 'associate ',
    lt: 'lieutenant ',
    col: 'colonel ',
    jr: 'junior ',
    sr: 'senior ',
    esq: 'esquire ',
  }),
  ...ending({
    "'d been": ' had been',
    "'s been": ' has been',
    "'d gone": ' had gone',
    "'s gone": ' has gone',
    "'d done": ' had done',
    "'s got": ' has got',
    "n't": ' not',
    "'re": ' are',
    "'s": ' is',
    "'d": ' would',
    "'ll": ' will',
    "'t": ' not',
    "'ve": ' have',
    "'m": ' am',
  }),
];

function whole(words: Readonly<Record<string, string>>): Replacements {
  return Object.entries(words).map(([word, replacement]) => [wholeWord(word), replacement]);
}

function ending(endings: Readonly<Record<string, string>>): Replacements {
  return Object.entries(endings).map(([end, replacement]) => [wordEnd(end), replacement]);
}

/**
 * Whisper's normaliser for English: contractions and titles written out, numbers as digits, American spelling, and what
 * the one for other languages does. Word error rates of Whisper are published with it.
 * Source: openai/whisper normalizers/english.py, EnglishTextNormalizer.
 */
export function normaliseEnglish(text: string): string {
  const written = replacements.reduce(
    (words, [pattern, replacement]) => words.replace(pattern, replacement),
    removeAsides(text.toLowerCase())
      .replace(hesitations, '')
      .replace(/(?<!\s)\s+'/g, "'"),
  );
  // Commas and points stay only inside numbers.
  const joined = written.replace(/(\d),(\d)/g, '$1$2').replace(/\.([^0-9]|$)/g, ' $1');
  const words = normaliseNumbers(removeSymbolsAndDiacritics(joined, '.%$¢€£'));
  const american = americanSpelling(words)
    // Signs of currency and percent stay only beside numbers.
    .replace(/[.$¢€£]([^0-9])/g, ' $1')
    .replace(/([^0-9])%/g, '$1 ');
  return singleSpaces(american);
}

let spellings: ReadonlyMap<string, string> | undefined;

/** Words of the published list in American spelling; everything else as it is, with single spaces. */
export function americanSpelling(text: string): string {
  spellings ??= readSpellings();
  const known = spellings;
  return text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => known.get(word) ?? word)
    .join(' ');
}

function readSpellings(): ReadonlyMap<string, string> {
  const table = readFileSync(new URL('../../../data/english-spellings.tsv', import.meta.url), 'utf8');
  const lines = table.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => line.split('\t') as [string, string]));
}
