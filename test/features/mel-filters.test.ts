import { describe, expect, test } from 'vitest';
import { type MelFilters, melFilters } from '../../src/features/mel-filters.ts';
import { naiveMelFilters } from './naive-log-mel.ts';

function filter({ firstBins, offsets, weights }: MelFilters, m: number) {
  return { firstBin: firstBins[m]!, weights: [...weights.subarray(offsets[m], offsets[m + 1])] };
}

describe('melFilters', () => {
  test.each([
    [80, 391],
    [128, 394],
  ])('with %d bands has the %d non-zero weights of mel_filters.npz', (nMels, count) => {
    const { weights, offsets } = melFilters(nMels, 400, 16_000);
    expect(weights.filter((weight) => weight > 0)).toHaveLength(count);
    expect(weights).toHaveLength(count);
    expect(offsets[nMels]).toBe(count);
  });

  test('starts and ends with the known weights', () => {
    const mel80 = melFilters(80, 400, 16_000);
    const first = filter(mel80, 0);
    expect(first.firstBin).toBe(1);
    expect(first.weights).toHaveLength(1);
    expect(first.weights[0]).toBeCloseTo(0.024862593, 8);
    expect(filter(mel80, 1).weights[0]).toBeCloseTo(0.001990821, 8);

    const last = filter(mel80, 79);
    expect(last.firstBin + last.weights.length - 1, 'the bin below 8 kHz').toBe(199);

    expect(filter(melFilters(128, 400, 16_000), 0).weights[0]).toBeCloseTo(0.012373986, 8);
  });

  test('gives every wide filter unit area (slaney normalisation)', () => {
    const mel80 = melFilters(80, 400, 16_000);
    for (let m = 60; m < 80; m++) {
      const areaHz = 40 * filter(mel80, m).weights.reduce((sum, weight) => sum + weight, 0);
      expect(Math.abs(areaHz - 1)).toBeLessThan(0.02);
    }
  });

  test.each([1, 2, 40, 80, 128, 256])('with %d bands equals the dense definition', (nMels) => {
    const filters = melFilters(nMels, 400, 16_000);
    naiveMelFilters(nMels).forEach((expected, m) => {
      const { firstBin, weights } = filter(filters, m);
      const dense = new Array<number>(201).fill(0);
      for (const [i, weight] of weights.entries()) dense[firstBin + i] = weight;
      const error = Math.max(...dense.map((weight, bin) => Math.abs(weight - expected[bin]!)));
      expect(error).toBeLessThan(1e-12);
    });
  });
});
