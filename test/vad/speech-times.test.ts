import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSpeechTimes } from '../../src/vad/speech-times.ts';

describe('times found in speech that was put end to end', () => {
  // 1 s from 2 s on, then 3 s from 10 s on.
  const times = createSpeechTimes([
    { start: 32_000, end: 48_000 },
    { start: 160_000, end: 208_000 },
  ]);

  test('go back to where they were', () => {
    expect([0, 0.5, 1.5, 4].map((seconds) => times.original(seconds))).toEqual([2, 2.5, 10.5, 13]);
  });

  test('at a seam are an end of what was before or a start of what comes behind', () => {
    expect(times.original(1, true)).toBe(3);
    expect(times.original(1)).toBe(10);
    expect(times.original(0.99999, true)).toBe(2.99999);
  });

  test('behind the end go on from there', () => {
    expect(times.original(5)).toBe(14);
  });

  test('of a word move together, by its middle, and keep their length', () => {
    expect(times.originalWord(0.5, 0.75)).toEqual({ startSeconds: 2.5, endSeconds: 2.75 });
    expect(times.originalWord(0.75, 1.125)).toEqual({ startSeconds: 2.75, endSeconds: 3.125 });
    expect(times.originalWord(0.875, 1.25)).toEqual({ startSeconds: 9.875, endSeconds: 10.25 });
  });

  test('of a word are cut at the padding and pauses around the voice that most of it lies in', () => {
    const padded = createSpeechTimes();
    padded.extend({ start: 32_000, end: 96_000 }); // 2 to 6 s
    padded.hear({ start: 38_400, end: Number.POSITIVE_INFINITY });
    padded.hear({ start: 38_400, end: 57_600 }); // 2.4 to 3.6 s
    padded.hear({ start: 80_000, end: Number.POSITIVE_INFINITY }); // from 5 s on
    expect(padded.originalWord(0, 0.8)).toEqual({ startSeconds: 2.35, endSeconds: 2.8 });
    expect(padded.originalWord(1.5, 3)).toEqual({ startSeconds: 3.5, endSeconds: 3.65 });
    expect(padded.originalWord(1.5, 3.5)).toEqual({ startSeconds: 4.95, endSeconds: 5.5 });
    expect(padded.originalWord(3.5, 4)).toEqual({ startSeconds: 5.5, endSeconds: 6 });
    expect(padded.originalWord(0, 0.1)).toEqual({ startSeconds: 2, endSeconds: 2.1 });
  });

  test('of a word in no voice reach away from the nearest one by as much as what is said softly', () => {
    const padded = createSpeechTimes([{ start: 0, end: 96_000 }]);
    padded.hear({ start: 16_000, end: 32_000 }); // 1 to 2 s
    padded.hear({ start: 64_000, end: 80_000 }); // 4 to 5 s
    expect(padded.originalWord(3.2, 3.9)).toEqual({ startSeconds: 3.75, endSeconds: 3.9 });
    expect(padded.originalWord(2.1, 2.6)).toEqual({ startSeconds: 2.1, endSeconds: 2.25 });
    expect(padded.originalWord(2.9, 3.1)).toEqual({ startSeconds: 2.9, endSeconds: 3.1 });
  });

  test('of a word go where its voice is, though most of it lies in padding on the other side of a seam', () => {
    const padded = createSpeechTimes();
    padded.extend({ start: 0, end: 32_000 }); // 0 to 2 s
    padded.hear({ start: 3_200, end: 25_600 }); // 0.2 to 1.6 s
    padded.extend({ start: 160_000, end: 192_000 }); // 10 to 12 s
    padded.hear({ start: 161_600, end: 190_400 }); // 10.1 to 11.9 s
    expect(padded.originalWord(1.65, 2.2)).toEqual({ startSeconds: 10.05, endSeconds: 10.2 });
    expect(padded.originalWord(1.5, 2.6)).toEqual({ startSeconds: 10.05, endSeconds: 10.6 });
    expect(padded.originalWord(1.3, 2.2)).toEqual({ startSeconds: 1.3, endSeconds: 1.65 });
    // Heard on neither side, they are nearest to what was said before.
    expect(padded.originalWord(1.62, 1.8)).toEqual({ startSeconds: 1.62, endSeconds: 1.8 });
    expect(padded.wordHeardAt(1.9, 2.2)).toBeGreaterThan(2);
    expect(padded.wordHeardAt(1.62, 1.8)).toBeLessThan(1.6);
    expect(createSpeechTimes().wordHeardAt(1, 3)).toBe(2);
  });

  test('of a word that ends where speech was cut without padding stay before the seam', () => {
    const bare = createSpeechTimes([{ start: 0, end: 16_000 }]);
    bare.hear({ start: 0, end: 16_000 });
    bare.extend({ start: 160_000, end: 176_000 });
    bare.hear({ start: 164_800, end: 176_000 });
    expect(bare.originalWord(1, 1.1)).toEqual({ startSeconds: 1, endSeconds: 1.1 });
  });

  test('meet at seams', () => {
    expect(times.seamsBetween(0, 4)).toEqual([1]);
    expect([times.seamsBetween(0, 1), times.seamsBetween(1, 4), times.seamsBetween(0, 0.5)]).toEqual([[], [], []]);
    expect(createSpeechTimes().seamsBetween(0, 9)).toEqual([]);
  });

  test('without speech stay as they are', () => {
    expect(createSpeechTimes().original(3)).toBe(3);
  });

  test('grow with the speech, by parts or whole', () => {
    const growing = createSpeechTimes();
    growing.extend({ start: 32_000, end: 40_000 });
    growing.extend({ start: 40_000, end: 48_000 });
    growing.extend({ start: 160_000, end: 208_000 });
    expect(growing.spans).toEqual(times.spans);
    expect(growing.original(1.5)).toBe(10.5);
  });

  test('keep their order, and every sample of speech its place', () => {
    const gaps = fc.array(fc.tuple(fc.nat(50_000), fc.integer({ min: 1, max: 50_000 })), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(gaps, (list) => {
        let end = 0;
        const spans = list.map(([silence, speech]) => {
          const start = end + silence;
          end = start + speech;
          return { start, end };
        });
        const map = createSpeechTimes(spans);
        let before = 0;
        for (const { start, end: spanEnd } of spans) {
          const nSamples = spanEnd - start;
          for (const sample of [0, Math.floor(nSamples / 2), nSamples - 1])
            expect(map.original((before + sample) / 16_000)).toBeCloseTo((start + sample) / 16_000, 9);
          expect(map.original((before + nSamples) / 16_000, true)).toBeCloseTo(spanEnd / 16_000, 9);
          before += nSamples;
        }
      }),
    );
  });
});
