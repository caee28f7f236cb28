import { describe, expect, test } from 'vitest';
import { skipHallucinations } from '../../src/transcribe/hallucination.ts';
import type { Draft } from '../../src/transcribe/slice-segments.ts';

/** A segment of words of 0.3 s; invented ones are improbable and too short. */
function segment(startSeconds: number, count: number, isInvented = false): Draft {
  const each = isInvented ? 0.02 : 0.3;
  const words = Array.from({ length: count }, (_, i) => ({
    text: ` w${i}`,
    startSeconds: startSeconds + i * each,
    endSeconds: startSeconds + (i + 1) * each,
    probability: isInvented ? 0.05 : 0.9,
  }));
  return {
    startSeconds,
    endSeconds: words.at(-1)!.endSeconds,
    text: words.map(({ text }) => text).join(''),
    tokens: [],
    words,
  };
}

const window = (drafts: Draft[], changes = {}) => ({
  drafts,
  range: { seek: 10_000, size: 3000 },
  endsWithSingleTimestamp: false,
  lastSpeechSeconds: 100,
  frameCount: 100_000,
  ...changes,
});

describe('with a silence threshold of 2 s', () => {
  test('what is spoken stays, and the next window begins behind the last word where silence follows', () => {
    const drafts = [segment(100.2, 5), segment(110, 5)];
    expect(skipHallucinations(window(drafts), 1234, 2)).toEqual({ drafts, advance: 1150 });
  });

  test('a window that ends in speech is followed by the one behind it', () => {
    const drafts = [segment(100.2, 5), segment(127, 4)];
    expect(skipHallucinations(window(drafts), 1234, 2).advance).toBe(3000);
    const single = window(drafts, { endsWithSingleTimestamp: true });
    expect(skipHallucinations(single, 1234, 2).advance).toBe(1234);
  });

  test('invented words behind long silence at the start are dropped, and the next window begins there', () => {
    expect(skipHallucinations(window([segment(105, 4, true), segment(105.2, 5)]), 1234, 2)).toEqual({
      drafts: [],
      advance: 500,
    });
  });

  test('invented words between silences are dropped with what follows them', () => {
    const spoken = segment(100.2, 5);
    const verdict = skipHallucinations(window([spoken, segment(110, 4, true), segment(120, 5)]), 1234, 2);
    expect(verdict).toEqual({ drafts: [spoken], advance: 1000 });
  });

  test('a few improbable words among many are suspicious as soon as there are three of them', () => {
    const improbable = (count: number) => {
      const draft = segment(110, 12);
      return { ...draft, words: draft.words!.map((word, i) => (i < count ? { ...word, probability: 0.1 } : word)) };
    };
    const spoken = segment(100.2, 5);
    expect(skipHallucinations(window([spoken, improbable(2)]), 1234, 2).drafts).toHaveLength(2);
    expect(skipHallucinations(window([spoken, improbable(3)]), 1234, 2).drafts).toEqual([spoken]);
  });

  test('invented words with silence on one side only stay', () => {
    const drafts = [segment(100.2, 5), segment(110, 4, true), segment(110.2, 5)];
    expect(skipHallucinations(window(drafts), 1234, 2).drafts).toEqual(drafts);
  });

  test('invented words next to speech stay', () => {
    const drafts = [segment(100.2, 5), segment(102, 4, true), segment(102.2, 5)];
    expect(skipHallucinations(window(drafts), 1234, 2).drafts).toEqual(drafts);
  });

  test('near the end of the recording nothing is looked for behind invented words', () => {
    const spoken = segment(100.2, 5);
    const verdict = skipHallucinations(window([spoken, segment(110, 4, true)], { frameCount: 11_100 }), 1234, 2);
    expect(verdict).toEqual({ drafts: [spoken], advance: 1100 });
  });
});
