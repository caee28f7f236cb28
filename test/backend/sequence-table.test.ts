import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attentionMask, SequenceTable } from '../../src/backend/sequence-table.ts';

const limits = { nTextCtx: 40, nVocab: 100 };

/** Which rows (of all, new ones last) each new row sees. */
function visible(tree: SequenceTable, plan: ReturnType<SequenceTable['plan']>): number[][] {
  const total = tree.entryCount + plan.tokens.length;
  const bias = attentionMask(plan, tree.entryCount);
  return Array.from({ length: plan.tokens.length }, (_, row) =>
    Array.from({ length: total }, (_, i) => i).filter((i) => bias[row * total + i] === 0),
  );
}

describe('the tree of sequences', () => {
  test('lets every token see its own text and nothing else', () => {
    const tree = new SequenceTable(1, limits);
    const prompt = tree.plan({ tokens: [[1, 2]] });
    expect(visible(tree, prompt)).toEqual([[0], [0, 1]]);
    tree.commit(prompt);
    const branches = tree.plan({ tokens: [[3], [4]], parents: [0, 0] });
    expect([...branches.positions]).toEqual([2, 2]);
    expect(visible(tree, branches)).toEqual([
      [0, 1, 2],
      [0, 1, 3],
    ]);
    tree.commit(branches);
    const next = tree.plan({ tokens: [[5, 6]], parents: [1] });
    expect([...next.positions]).toEqual([3, 4]);
    expect(visible(tree, next)).toEqual([
      [0, 1, 3, 4],
      [0, 1, 3, 4, 5],
    ]);
  });

  test('is as it was before until a plan is committed', () => {
    const tree = new SequenceTable(1, limits);
    tree.plan({ tokens: [[1, 2, 3]] });
    expect([...tree.plan({ tokens: [[1]] }).positions]).toEqual([0]);
    expect(tree.entryCount).toBe(0);
  });

  test('gives every text, however sequences branch and end, exactly the rows of its own tokens', () => {
    const step = fc.record({
      width: fc.integer({ min: 1, max: 3 }),
      picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 8 }), (windows, steps) => {
        const tree = new SequenceTable(windows, limits);
        const log: number[] = [];
        let sequences = Array.from({ length: windows }, (_, window) => ({ window, tokens: [] as number[] }));
        let perWindow = 1;
        for (const { width, picks } of steps) {
          const parents = Array.from({ length: windows }, (_, w) =>
            picks.map((pick) => w * perWindow + (pick % perWindow)),
          );
          const tokens = parents
            .flat()
            .map((_, i) => Array.from({ length: width }, (_, j) => (log.length + i * width + j) % 100));
          const plan = tree.plan({ tokens, parents: parents.flat() });
          const all = [...log, ...tokens.flat()];
          sequences = parents.flat().map((source, i) => ({
            window: sequences[source]!.window,
            tokens: [...sequences[source]!.tokens, ...tokens[i]!],
          }));
          for (const [row, rows] of visible(tree, plan).entries()) {
            const text = sequences[Math.floor(row / width)]!;
            const seen = text.tokens.slice(0, text.tokens.length - width + (row % width) + 1);
            expect(rows.map((i) => all[i])).toEqual(seen);
            expect(plan.positions[row]).toBe(seen.length - 1);
          }
          tree.commit(plan);
          log.push(...tokens.flat());
          perWindow = picks.length;
        }
      }),
    );
  });

  test.each([
    ['no tokens', { tokens: [[]] }],
    ['no text', { tokens: [] }],
    ['an unknown token', { tokens: [[100]] }],
    ['a negative token', { tokens: [[-1]] }],
    ['an unknown source', { tokens: [[1]], parents: [1] }],
    ['more tokens than the context holds', { tokens: [Array(41).fill(1) as number[]] }],
  ])('refuses %s', (_, step) => {
    expect(() => new SequenceTable(1, limits).plan(step)).toThrow(RangeError);
  });
});
