import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { medianFilter, warp } from '../../src/transcribe/warp.ts';
import { randomValues } from '../support/random-checkpoint.ts';

describe('warping', () => {
  test('finds the path of the published example', () => {
    // WhisperKit, UnitTests.swift.
    const { rows, columns } = warp(Float64Array.of(-1, -1, -1, -5, -2, -1, -1, -5, -2), 3, 3);
    expect({ rows, columns }).toEqual({ rows: [0, 1, 1, 2, 2], columns: [0, 0, 1, 1, 2] });
  });

  test('follows the cheapest path where no two ways cost the same', () => {
    const path = fc.array(fc.constantFrom([1, 0], [0, 1], [1, 1]), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(path, (moves) => {
        const cells = [[0, 0]];
        for (const [down, right] of moves) cells.push([cells.at(-1)![0]! + down!, cells.at(-1)![1]! + right!]);
        const [rowCount, columnCount] = [cells.at(-1)![0]! + 1, cells.at(-1)![1]! + 1];
        const costs = Float64Array.from(randomValues(rowCount * columnCount, moves.length), (value) => 3 + value / 2);
        for (const [row, column] of cells) costs[row! * columnCount + column!]! /= 1000;
        const known = cells.reduce((sum, [row, column]) => sum + costs[row! * columnCount + column!]!, 0);
        const { rows, columns } = warp(costs, rowCount, columnCount);
        const cost = rows.reduce((sum, row, i) => sum + costs[row * columnCount + columns[i]!]!, 0);
        expect(cost).toBeLessThanOrEqual(known + 1e-6);
        expect([rows[0], columns[0], rows.at(-1), columns.at(-1)]).toEqual([0, 0, rowCount - 1, columnCount - 1]);
      }),
    );
  });
});

describe('the median filter', () => {
  test.each([3, 5, 7, 13])('of %i values is the median of the mirrored neighbourhood', (width) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: width, maxLength: 40 }), (list) => {
        const reach = (width - 1) / 2;
        const mirrored = [...list.slice(1, reach + 1).reverse(), ...list, ...list.slice(-reach - 1, -1).reverse()];
        const expected = list.map((_, i) => mirrored.slice(i, i + width).sort((a, b) => a - b)[reach]);
        expect([...medianFilter(Float64Array.from(list), width)]).toEqual(expected);
      }),
    );
  });

  test('leaves alone what is too short to mirror', () => {
    expect([...medianFilter(Float64Array.of(3, 1, 2), 7)]).toEqual([3, 1, 2]);
  });
});
