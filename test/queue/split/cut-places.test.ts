import { describe, expect, test } from 'vitest';
import { cutPlaces } from '../../../src/queue/split/cut-places.ts';

/** Speech and pauses that take turns, in seconds. */
function speech(...lengths: number[]) {
  const spans: { startSeconds: number; endSeconds: number }[] = [];
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    if (i % 2 === 0) spans.push({ startSeconds: at, endSeconds: at + length });
    at += length;
  }
  return spans;
}

const limits = { leastSeconds: 10, mostSeconds: 20 };

describe('a recording', () => {
  test('with little speech in it is one part, however long it is', () => {
    expect(cutPlaces(speech(10, 500, 10), limits)).toEqual([]);
    expect(cutPlaces([], limits)).toEqual([]);
  });

  test('is cut in the middle of the longest pause that leaves enough speech and not too much', () => {
    // Pauses behind 5, 11, 16 and 21 s of speech.
    expect(cutPlaces(speech(5, 9, 6, 2, 5, 4, 5, 8, 3), limits)).toEqual([5 + 9 + 6 + 2 + 5 + 2]);
  });

  test('is cut again and again, until the last part is short enough', () => {
    const cuts = cutPlaces(speech(...Array.from({ length: 41 }, (_, i) => (i % 2 === 0 ? 3 : 1))), limits);
    const bounds = [0, ...cuts, 21 * 3 + 20];
    const parts = bounds.slice(1).map((end, i) => end - (bounds[i] ?? 0));
    expect(cuts).toHaveLength(3);
    // 18 s of speech with the pauses in it, and half of one on each side.
    for (const part of parts) expect(part).toBeLessThanOrEqual(24);
  });

  test('is cut through speech where nobody pauses', () => {
    expect(cutPlaces(speech(50), limits)).toEqual([20, 40]);
    expect(cutPlaces(speech(4, 3, 50), limits)).toEqual([23, 43]);
  });
});
