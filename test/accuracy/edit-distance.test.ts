import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EditCounts, editCounts } from '../../src/accuracy/edit-distance.ts';

function distance({ substitutions, insertions, deletions }: EditCounts): number {
  return substitutions + insertions + deletions;
}

/** The textbook's table, whole. */
function textbookDistance(a: readonly string[], b: readonly string[]): number {
  const table = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const ways = [
        table[i - 1]![j]! + 1,
        table[i]![j - 1]! + 1,
        table[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      ];
      table[i]![j] = Math.min(...ways);
    }
  }
  return table[a.length]![b.length]!;
}

describe('editCounts', () => {
  test.each([
    ['', '', { substitutions: 0, insertions: 0, deletions: 0 }],
    ['a b c', 'a b c', { substitutions: 0, insertions: 0, deletions: 0 }],
    ['a b c', '', { substitutions: 0, insertions: 0, deletions: 3 }],
    ['', 'a b', { substitutions: 0, insertions: 2, deletions: 0 }],
    ['a b c', 'a x c', { substitutions: 1, insertions: 0, deletions: 0 }],
    ['a b c d', 'a c d', { substitutions: 0, insertions: 0, deletions: 1 }],
    ['a c d', 'a b c d', { substitutions: 0, insertions: 1, deletions: 0 }],
    ['a b', 'b a', { substitutions: 2, insertions: 0, deletions: 0 }],
    ['k i t t e n', 's i t t i n g', { substitutions: 2, insertions: 1, deletions: 0 }],
    ['x a b c d e', 'a b c d e y z', { substitutions: 0, insertions: 2, deletions: 1 }],
  ])('%j -> %j', (reference, hypothesis, expected) => {
    const words = (text: string) => text.split(' ').filter((word) => word !== '');
    expect(editCounts(words(reference), words(hypothesis))).toEqual(expected);
  });

  const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 });

  test('is the textbook’s distance, and its parts fit the lengths', () => {
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const counts = editCounts(a, b);
        expect(distance(counts)).toBe(textbookDistance(a, b));
        expect(b.length - a.length).toBe(counts.insertions - counts.deletions);
        expect(Math.min(counts.substitutions, counts.insertions, counts.deletions)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('is so for long texts with few differences and with many', () => {
    const long = fc.array(fc.constantFrom<string>('a', 'b', 'c', 'd'), { minLength: 90, maxLength: 180 });
    const edits = fc.array(fc.tuple(fc.nat(179), fc.constantFrom('', 'a', 'b c', 'd d d d d d d d')), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(long, edits, (a, changes) => {
        const b = a.slice();
        for (const [at, put] of changes)
          b.splice(at % b.length, 1, ...put.split(' ').filter((item) => item !== ''), 'x');
        expect(distance(editCounts(a, b))).toBe(textbookDistance(a, b));
        expect(distance(editCounts(b, a))).toBe(textbookDistance(b, a));
      }),
    );
  });

  test.each([32, 33, 34, 40, 64, 65])('%i items against one other leave nothing in common', (length) => {
    const many = Array.from({ length }, (_, i) => i);
    const [substitutions, rest] = [1, length - 1];
    expect(editCounts(many, [-1])).toEqual({ substitutions, insertions: 0, deletions: rest });
    expect(editCounts([-1], many)).toEqual({ substitutions, insertions: rest, deletions: 0 });
    expect(editCounts(many, [-1, -2])).toEqual({ substitutions: 2, insertions: 0, deletions: length - 2 });
    expect(editCounts([-1, -2], many)).toEqual({ substitutions: 2, insertions: length - 2, deletions: 0 });
  });

  test('finds ways that stray far from the diagonal', () => {
    const part = (length: number, from: number) => Array.from({ length }, (_, i) => String(from + i));
    const a = [...part(100, 0), ...part(150, 1000)];
    const b = [...part(150, 1000), ...part(70, 5000)];
    expect(distance(editCounts(a, b))).toBe(textbookDistance(a, b));
    expect(editCounts(a, b)).toEqual({ substitutions: 0, insertions: 70, deletions: 100 });
  });

  test('takes an hour of speech in its stride', () => {
    const said = Array.from({ length: 10_000 }, (_, i) => `word${(i * 7919) % 3000}`);
    const heard = said.flatMap((word, i) => (i % 100 === 0 ? [] : i % 101 === 0 ? [word, 'eh'] : [word]));
    const { substitutions, insertions, deletions } = editCounts(said, heard);
    expect(insertions - deletions).toBe(heard.length - said.length);
    expect(substitutions + insertions + deletions).toBeLessThanOrEqual(200);
  });
});
