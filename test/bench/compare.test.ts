import { describe, expect, test } from 'vitest';
import { compareResults, sideTexts } from '../../src/bench/compare.ts';
import { knownResult, runsAround, stage, workload } from './results.ts';

const verdictOf = (before: readonly number[], after: readonly number[], tolerance = 5) =>
  compareResults(knownResult('before', before), knownResult('after', after), tolerance).rows[0]?.verdict;

describe('a stage', () => {
  test.each([
    ['the same runs', runsAround(400), runsAround(400), 'same'],
    ['runs a tenth slower', runsAround(400), runsAround(440), 'worse'],
    ['runs a tenth faster', runsAround(440), runsAround(400), 'better'],
    ['runs slower by less than the tolerance, though surely', runsAround(400), runsAround(416), 'same'],
    ['few runs, all slower', runsAround(400, 5), runsAround(480, 5), 'worse'],
    ['too few runs to tell', runsAround(400, 4), runsAround(800, 4), undefined],
    ['a median that is higher within the noise', [10, 20, 30, 40, 50, 60], [12, 21, 34, 43, 49, 58], 'same'],
  ])('with %s is %s', (_, before, after, verdict) => {
    expect(verdictOf(before, after)).toBe(verdict);
  });

  test('has the tolerance that is asked for', () => {
    expect(verdictOf(runsAround(400), runsAround(416), 2)).toBe('worse');
    expect(verdictOf(runsAround(400), runsAround(440), 20)).toBe('same');
  });

  test('is not judged by one slow run', () => {
    expect(verdictOf(runsAround(400), [...runsAround(400, 19), 60_000])).toBe('same');
  });
});

describe('compareResults', () => {
  test('gives the ratio of the later to the earlier figure', () => {
    const [row] = compareResults(knownResult('a', [100, 100]), knownResult('b', [150, 150]), 5).rows;
    expect(row).toMatchObject({ label: 'encoder, median', unit: 'ms', baseline: 100, current: 150, ratio: 1.5 });
  });

  test('leaves out what one side does not know', () => {
    const other = knownResult('b', [1], { stages: { load: { mean: 1 }, endToEnd: { mean: 2, p99: 3 } } });
    const { rows } = compareResults(knownResult('a', [1]), other, 5);
    expect(rows).toEqual([]);
  });

  test('judges memory by the tolerance alone', () => {
    const withMemory = (peakRssBytes: number) =>
      knownResult('x', [1], { peakRssBytes, deviceMemory: { peakBytes: 2e9 } });
    const { rows } = compareResults(withMemory(6e8), withMemory(7e8), 5);
    expect(rows.map(({ label, verdict }) => [label, verdict])).toEqual([
      ['encoder, median', undefined],
      ['peak memory', 'worse'],
      ['peak device memory', 'same'],
    ]);
  });

  test.each([
    ['another model', { model: 'whisper-tiny', modelSha256: 'ffff' }, 'model: whisper-base against whisper-tiny'],
    ['other weights', { modelSha256: 'ffff' }, 'weights: d01c3014881c against ffff'],
    ['another type', { dtype: 'float16' }, 'computed in: float32 against float16'],
    ['another length', { audioSeconds: 11 }, 'audio: 4.00 s against 11.00 s'],
    ['another number of tokens', { tokens: 64 }, 'tokens: 14 against 64'],
  ])('names %s and gives no verdict', (_, changes, difference) => {
    const other = knownResult('b', runsAround(900), { workload: { ...workload, ...changes } });
    const { differences, rows } = compareResults(knownResult('a', runsAround(400)), other, 5);
    expect(differences).toEqual([difference]);
    expect(rows[0]?.verdict).toBeUndefined();
  });

  test('gives no verdict between a stand-in and a device', () => {
    const standIn = knownResult('b', runsAround(100), { standIn: true });
    const { differences, rows } = compareResults(knownResult('a', runsAround(400)), standIn, 5);
    expect(differences).toEqual(['measured on: a real device against a stand-in']);
    expect(rows[0]?.verdict).toBeUndefined();
  });

  test('takes one model under two names for one', () => {
    const folder = knownResult('b', [1], { workload: { ...workload, model: 'base-1f0c22ab' } });
    expect(compareResults(knownResult('a', [1]), folder, 5).differences).toEqual([]);
  });

  test('says of each side what it was measured on, and which is a stand-in', () => {
    const standIn = knownResult('mine', [1], { device: 'stand-in for NPU 0', standIn: true });
    const published = knownResult('theirs', [1], { published: 'Published figures.' });
    const [first, second] = sideTexts(compareResults(published, standIn, 5));
    expect(first).toBe('theirs: CPU. Published figures.');
    expect(second).toMatch(/^mine: stand-in for NPU 0\. This is a stand-in for CANN/);
  });

  test('compares medians, which one disturbed run does not move, and the whole by mean and P99 too', () => {
    const whole = (runs: readonly number[]) => knownResult('x', [], { stages: { endToEnd: stage(runs) } });
    const { rows } = compareResults(whole([10, 10, 10, 10, 10]), whole([10, 10, 10, 10, 110]), 5);
    expect(rows.map(({ label, ratio, verdict }) => [label, Math.round(ratio), verdict])).toEqual([
      ['end to end, median', 1, 'same'],
      ['end to end, mean', 3, undefined],
      ['end to end, P99', 11, undefined],
    ]);
  });

  test('a stage without runs is compared by its mean and gives no verdict', () => {
    const mean = knownResult('a', [1], { stages: { encoder: { mean: 1 } } });
    const { rows } = compareResults(
      mean,
      knownResult('b', runsAround(9), { stages: { encoder: stage(runsAround(9)) } }),
      5,
    );
    expect(rows[0]?.label).toBe('encoder, mean');
    expect(rows[0]?.ratio).toBeCloseTo(9, 0);
    expect(rows[0]?.verdict).toBeUndefined();
  });
});
