import { describe, expect, test } from 'vitest';
import type { PositionDifference } from '../../src/accuracy/compare.ts';
import { verdictText } from '../../src/accuracy/figure-texts.ts';
import { figuresOf, passes } from '../../src/accuracy/figures.ts';
import { overallOf } from '../../src/accuracy/result.ts';
import type { WindowComparison } from '../../src/accuracy/window.ts';
import { accuracyResult, fileOf, position, windowOf } from './results.ts';

const percents = (...values: number[]): PositionDifference[] =>
  values.map((maxProbabilityDifferencePercent) => ({ ...position, maxProbabilityDifferencePercent }));

describe('figuresOf', () => {
  test('takes the worst and the mean of all positions of all windows', () => {
    const positions: PositionDifference[] = [
      { ...position, maxProbabilityDifferencePercent: 0.5, cosine: 0.9, klDivergence: 0.25, rank: 3, sameTop1: false },
      { ...position, maxProbabilityDifferencePercent: 0.25, cosine: 0.8, klDivergence: 0.75, rank: 1 },
    ];
    const windows: WindowComparison[] = [
      windowOf({ positions, encoder: { maxAbs: 0.5, cosine: 0.75, relative: 0.1 } }),
      windowOf({ positions: percents(0, 0), encoder: { maxAbs: 0.25, cosine: 0.5, relative: 0.1 } }),
    ];
    expect(figuresOf(windows)).toEqual({
      positions: 4,
      maxProbabilityDifferencePercent: 0.5,
      meanMaxProbabilityDifferencePercent: 0.1875,
      minCosine: 0.8,
      meanCosine: (0.9 + 0.8 + 1 + 1) / 4,
      maxKlDivergence: 0.75,
      meanKlDivergence: 0.25,
      top1Agreement: 0.75,
      worstRank: 3,
      tokenMatch: 1,
      isExact: true,
      encoder: { maxAbs: 0.5, minCosine: 0.5 },
    });
  });

  test.each([
    [[1, 2, 3, 4], [1, 2, 3, 4], 1, true],
    [[1, 2, 3, 4], [1, 9, 3, 4], 0.75, false],
    [[1, 2, 3, 4], [1, 2], 0.5, false],
    [[1, 2], [1, 2, 3, 4], 0.5, false],
    [[], [], 1, true],
  ])('tokens %j against %j match by %f', (reference, tested, tokenMatch, isExact) => {
    const figures = figuresOf([windowOf({ referenceTokens: reference, testedTokens: tested })]);
    expect(figures).toMatchObject({ tokenMatch, isExact });
  });

  test('encoders of other sizes are not compared', () => {
    expect(figuresOf([windowOf({}), windowOf({ encoder: undefined })]).encoder).toBeUndefined();
  });
});

describe('the verdict', () => {
  test.each([
    [[0], true],
    [[0, 0.999], true],
    [[0, 1], false],
    [[0, 30], false],
    [[0, Number.NaN, 0], false],
    [[], false],
  ])('differences of %j %% pass under 1 %%: %s', (values, pass) => {
    expect(passes(figuresOf([windowOf({ positions: percents(...values) })]), 1)).toBe(pass);
  });

  test('one file that differs fails them all', () => {
    const files = [fileOf({ positions: percents(0.1) }), fileOf({ positions: percents(2) })];
    const overall = overallOf(files, 1);
    expect(overall?.pass).toBe(false);
    const result = { ...accuracyResult(files), overall };
    expect(verdictText(result)).toBe('FAIL: largest probability difference 2.0000 %, not under 1 %');
    expect(verdictText({ ...result, complete: false })).toContain('FAIL so far');
  });

  test('nothing compared is nothing passed', () => {
    expect(overallOf([], 1)).toBeUndefined();
    expect(verdictText(accuracyResult([]))).not.toContain('PASS');
  });
});
