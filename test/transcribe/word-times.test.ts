import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AlignedWord } from '../../src/transcribe/alignment.ts';
import { resolveOptions } from '../../src/transcribe/options.ts';
import type { Draft } from '../../src/transcribe/slice-segments.ts';
import { placeWords } from '../../src/transcribe/word-times.ts';

const options = resolveOptions({});

/** Words of segments, a quarter of a second each. */
function aligned(segments: readonly (readonly string[])[]): AlignedWord[] {
  return segments
    .flatMap((words, segment) =>
      words.map((text) => ({ text, segment, tokens: [1], startSeconds: 0, endSeconds: 0, probability: 0.9 })),
    )
    .map((word, i) => ({ ...word, startSeconds: i / 4, endSeconds: (i + 1) / 4 }));
}

function placed(segments: readonly (readonly string[])[]): Draft[] {
  const drafts = segments.map((words, i) => ({
    startSeconds: i,
    endSeconds: i + 1,
    text: words.join(''),
    tokens: [1],
  }));
  placeWords(drafts, aligned(segments), { offsetSeconds: 0, lastSpeechSeconds: 0 }, options);
  return drafts;
}

const texts = ({ words = [] }: Draft) => words.map(({ text }) => text);

describe('words', () => {
  test('take closing punctuation to the word before and opening punctuation to the word behind', () => {
    const [draft] = placed([[' He', ' "', 'said', '"', ',', ' (', 'no', ').']]);
    expect(draft && texts(draft).join('|')).toBe(' He| "said",| (no|).');
  });

  test('joined are their segment’s text, also where a segment begins within a word or with punctuation', () => {
    expect(placed([[' hello'], ['ing', ' you'], [',', ' and']]).map(texts)).toEqual([
      [' hello'],
      ['ing', ' you'],
      [',', ' and'],
    ]);
    const word = fc.constantFrom(' a', ' bc', 'd', ',', '.', ' "', '"', ' (', ')', '…', ' x-');
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        (segments) => {
          for (const draft of placed(segments)) {
            expect(texts(draft).join('')).toBe(draft.text);
            for (const { startSeconds, endSeconds } of draft.words ?? [])
              expect(endSeconds).toBeGreaterThanOrEqual(startSeconds);
          }
        },
      ),
    );
  });
});
