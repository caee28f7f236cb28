import { describe, expect, test } from 'vitest';
import { type CueLayout, cues } from '../../src/output/cues.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { segment, spoken } from './segments.ts';

const texts = (segments: Segment[], layout: CueLayout) => cues(segments, layout).map(({ text }) => text);

const timesOf = (segments: Segment[], layout: CueLayout) =>
  cues(segments, layout).map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds].map((x) => +x.toFixed(3)));

const fox = spoken([' The', 0, 0.2], [' quick', 0.2, 0.5], [' brown', 0.5, 0.8], [' fox', 0.8, 1]);
const dog = spoken([' The', 1, 1.2], [' lazy', 1.2, 1.5], [' dog', 5, 5.5]);

describe('cues of words', () => {
  test('keep to their segments and take the times of their words', () => {
    expect(cues([fox, dog], {})).toEqual([
      { startSeconds: 0, endSeconds: 1, text: 'The quick brown fox' },
      { startSeconds: 1, endSeconds: 5.5, text: 'The lazy dog' },
    ]);
  });

  test('break lines at a width', () => {
    expect(texts([fox, dog], { maxLineWidth: 10 })).toEqual(['The quick\nbrown fox', 'The lazy\ndog']);
  });

  test('with a line count too, fill up across segments and begin anew after a long pause', () => {
    expect(texts([fox, dog], { maxLineWidth: 10, maxLineCount: 2 })).toEqual([
      'The quick\nbrown fox',
      'The lazy',
      'dog',
    ]);
    expect(texts([fox, dog], { maxLineWidth: 100, maxLineCount: 1 })).toEqual(['The quick brown fox The lazy', 'dog']);
  });

  test('hold so many words and no more', () => {
    expect(texts([fox, dog], { maxWordsPerLine: 3 })).toEqual(['The quick brown', 'fox', 'The lazy dog']);
  });

  test('count characters, not halves of them, and put no space where the language has none', () => {
    const chinese = spoken(['今天', 0, 0.5], ['天气', 0.5, 1], ['很好', 1, 1.5]);
    expect(texts([chinese], {})).toEqual(['今天天气很好']);
    expect(texts([chinese], { maxLineWidth: 4 })).toEqual(['今天天气\n很好']);
    expect(texts([spoken([' 😀😀', 0, 1], [' 😀😀', 1, 2])], { maxLineWidth: 5 })).toEqual(['😀😀 😀😀']);
  });

  test('underline each word in turn, with the plain text in the pauses', () => {
    expect(cues([spoken([' one', 0, 1], [' two', 1.5, 2])], { highlightWords: true })).toEqual([
      { startSeconds: 0, endSeconds: 1, text: '<u>one</u> two' },
      { startSeconds: 1, endSeconds: 1.5, text: 'one two' },
      { startSeconds: 1.5, endSeconds: 2, text: 'one <u>two</u>' },
    ]);
  });

  test('do not overlap where words do', () => {
    const overlapping = spoken([' one', 0, 1.2], [' two', 1, 2]);
    expect(timesOf([overlapping], { highlightWords: true })).toEqual([
      [0, 1.2],
      [1.2, 2],
    ]);
  });

  test('of words that take no time extend into the pause behind, or take from the cue behind', () => {
    const words = spoken([' one', 0, 0.5], [' two', 0.5, 0.5], [' three', 0.5, 1], [' four', 1, 1], [' five', 2, 3]);
    for (const layout of [{ maxWordsPerLine: 1 }, { highlightWords: true }])
      expect(timesOf([words], layout).filter(([, end = 0]) => end < 1.5)).toEqual([
        [0, 0.5],
        [0.5, 0.6],
        [0.6, 1],
        [1, 1.1],
      ]);
  });

  test('of words that take no time at the end take from the cue before', () => {
    const words = spoken([' one', 0, 1], [' two', 1, 1], [' three', 1, 1]);
    expect(timesOf([words], { maxWordsPerLine: 1 })).toEqual([
      [0, 0.8],
      [0.8, 0.9],
      [0.9, 1],
    ]);
  });

  test('of highlighted words follow each other at once where a pause is too short to be seen', () => {
    const words = spoken([' one', 0, 1], [' two', 1.06, 2]);
    expect(timesOf([words], { highlightWords: true })).toEqual([
      [0, 1.06],
      [1.06, 2],
    ]);
  });

  test('lose no segment that has no words among others that do', () => {
    expect(texts([fox, segment(2, 3, ' Unaligned.'), segment(3, 4, ' Empty.', [])], {})).toEqual([
      'The quick brown fox',
      'Unaligned.',
      'Empty.',
    ]);
  });

  test('have neither blank lines nor arrows, whatever a word is', () => {
    const odd = spoken([' a', 0, 1], [' ', 1, 2], [' b\n\n', 2, 3], [' --', 3, 4], ['> c', 4, 5], ['  ', 5, 6]);
    expect(texts([odd], { maxLineWidth: 1 })).toEqual(['a\nb\n--\n> c']);
    expect(texts([odd], {})).toEqual(['a  b   -> c']);
  });
});

describe('cues without words', () => {
  test('are the segments that say something', () => {
    expect(
      cues([segment(0, 1, ' one\r\ntwo '), segment(1, 2, ' '), segment(2, 3, ' a --> b')], { maxLineWidth: 1 }),
    ).toEqual([
      { startSeconds: 0, endSeconds: 1, text: 'one two' },
      { startSeconds: 2, endSeconds: 3, text: 'a -> b' },
    ]);
  });
});
