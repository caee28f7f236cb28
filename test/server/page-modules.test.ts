import { describe, expect, test } from 'vitest';
import { languages } from '../../src/model/languages.ts';
import { formats } from '../../src/output/formats.ts';
import type { Transcript } from '../../src/output/transcript.ts';
import { segmentOf } from './support/test-server.ts';

interface PageWord {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly probability?: number;
}
interface PageSegment {
  readonly start: number;
  readonly end: number;
  readonly words: readonly PageWord[];
}
interface SegmentsModule {
  segmentOf(event: object): PageSegment;
  textOf(segment: PageSegment): string;
  reworded(segment: PageSegment, text: string): PageSegment;
  split(segment: PageSegment, offset: number): PageSegment[];
  joined(first: PageSegment, second: PageSegment): PageSegment;
  placesOf(segments: readonly PageSegment[], wanted: string): number[][];
  replaced(segments: readonly PageSegment[], places: number[][], instead: string): PageSegment[];
}

/** Browsers run these modules as they are, and so does Node, which has no types for them. */
const page = (name: string): Promise<unknown> => import(new URL(`../../src/server/page/${name}`, import.meta.url).href);
const {
  joined,
  placesOf,
  replaced,
  reworded,
  segmentOf: fromEvent,
  split,
  textOf,
} = (await page('segments.js')) as SegmentsModule;
const pageFormats = ((await page('formats.js')) as { formats: Record<string, (transcript: object) => string> }).formats;
const { languages: pageLanguages } = (await page('texts.js')) as { languages: readonly string[] };

/** A segment whose words take a second each. */
function saying(text: string, start = 0): PageSegment {
  const words = text
    .split(/(?= )/)
    .map((word, i) => ({ text: word, start: start + i, end: start + i + 1, probability: 0.9 }));
  return { start, end: start + words.length, words };
}
const told = ({ words }: PageSegment) => words.map(({ text, start, end }) => `${text}@${start}-${end}`);

describe('segments of the page', () => {
  test.each([
    [' Hello, big world.', ['Hello,', 'big', 'world.'], [' Hello,', ' big', ' world.']],
    ['你好世界。', ['你', '好', '世界', '。'], ['你', '好', '世界', '。']],
    [' a - b ', ['a', 'b'], [' a', ' - b ']],
    [' gone word', ['strange', 'word'], [' gone word']],
  ])('have words that are, joined, their text: %j', (text, words, pieces) => {
    const event = {
      start: 0,
      end: 3,
      text,
      words: words.map((word, i) => ({ word, start: i, end: i + 1, probability: 1 })),
    };
    expect(fromEvent(event).words.map((word) => word.text)).toEqual(pieces);
  });

  test('without word times are one word', () => {
    expect(fromEvent({ start: 1, end: 3, text: ' two words' })).toEqual({
      start: 1,
      end: 3,
      words: [{ text: ' two words', start: 1, end: 3 }],
    });
  });

  test.each([
    ['one two three', 'one too three', [' one@0-1', ' too@1-2', ' three@2-3']],
    ['one two three', 'one two three four', [' one@0-1', ' two@1-2', ' three@2-3', ' four@3-3']],
    ['one two three', 'two three', [' two@1-2', ' three@2-3']],
    ['one two three', 'one twofold three', [' one@0-1', ' twofold@1-2', ' three@2-3']],
    ['one two three', 'one a b three', [' one@0-1', ' a@1-1.5', ' b@1.5-2', ' three@2-3']],
    ['one two three', 'one three', [' one@0-1', ' three@2-3']],
    ['one one one', 'one one', [' one@0-1', ' one@1-2']],
  ])('keep the times of words that stay: %s -> %s', (before, after, words) => {
    const changed = reworded(saying(` ${before}`), after);
    expect(told(changed)).toEqual(words);
    expect(textOf(changed)).toBe(` ${after}`);
  });

  test('that somebody wrote anew have no probability, and share the time', () => {
    const { words } = reworded(saying(' one two'), '三 four, five');
    expect(words.map(({ text }) => text).join('')).toBe(' 三 four, five');
    expect(words.every(({ probability }) => probability === undefined)).toBe(true);
    expect([words[0]?.start, words.at(-1)?.end]).toEqual([0, 2]);
  });

  test('are parted at a place, within a word too, and joined again', () => {
    const segment = saying(' one two three');
    expect(split(segment, 4).map(told)).toEqual([[' one@0-1'], [' two@1-2', ' three@2-3']]);
    expect(split(segment, 6).map(textOf)).toEqual([' one t', 'wo three']);
    expect(split(segment, 0)).toEqual([segment]);
    const [first, second] = split(segment, 4) as [PageSegment, PageSegment];
    expect(joined(first, second)).toEqual(segment);
  });

  test('are searched whatever the size of letters, and signs mean themselves', () => {
    const segments = [saying(' One (one).'), saying(' none')];
    expect(placesOf(segments, 'ONE')).toEqual([
      [0, 1, 3],
      [0, 6, 3],
      [1, 2, 3],
    ]);
    expect(placesOf(segments, '(one).')).toEqual([[0, 5, 6]]);
    expect(placesOf(segments, '')).toEqual([]);
    expect(replaced(segments, placesOf(segments, 'one'), '1').map(textOf)).toEqual([' 1 (1).', ' n1']);
    expect(replaced(segments, placesOf(segments, ' none'), '').map(textOf)).toEqual([' One (one).']);
  });
});

describe('files that the page makes', () => {
  const said = [
    { ...segmentOf(' Hello & <b> --> there\n'), startSeconds: 0, endSeconds: 1.0005 },
    { ...segmentOf('  '), startSeconds: 1, endSeconds: 2 },
    { ...segmentOf('你好'), startSeconds: 59.9996, endSeconds: 61.25 },
    { ...segmentOf(' late'), startSeconds: 3661.0015, endSeconds: 360_000.4 },
  ];
  const transcript: Transcript = {
    file: 'a.wav',
    segments: said,
    audioSeconds: 5,
    task: 'transcribe',
    model: 'm',
    device: 'd',
    language: 'en',
  };
  const segments = said.map(({ startSeconds, endSeconds, text }) =>
    fromEvent({ start: startSeconds, end: endSeconds, text }),
  );

  test.each(['srt', 'vtt', 'txt', 'lrc'] as const)('are the server’s to the byte: %s', (name) => {
    expect(pageFormats[name]?.({ segments })).toBe(formats[name](transcript, {}));
  });
});

test('the page knows the languages of Whisper', () => {
  expect(pageLanguages).toEqual([...languages.keys()]);
});
