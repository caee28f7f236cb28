import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logitFilters, suppressAtBegin, suppressTokens, timestampFilter } from '../../src/decoding/logit-filters.ts';
import { decodingRules } from '../../src/decoding/rules.ts';
import { specialTokens } from '../../src/model/special-tokens.ts';

/** A small vocabulary: text 0–9, end 10, special 11–14 (14: no timestamps), times 15–34. */
const [eot, noTimestamps, timestampBegin, nVocab, maxInitialIndex] = [10, 14, 15, 35, 5];
const rules = timestampFilter({ eot, noTimestamps, timestampBegin, maxInitialIndex });

/** Tokens that are left after `sampled`, all logits being equal but those given. */
function allowed(sampled: readonly number[], logits: Readonly<Record<number, number>> = { 3: 50 }): number[] {
  const row = new Float32Array(nVocab);
  for (const [token, value] of Object.entries(logits)) row[Number(token)] = value;
  rules.apply(row, sampled);
  return [...row.keys()].filter((token) => row[token] !== Number.NEGATIVE_INFINITY);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const text = range(0, eot);
const beforeTimes = range(0, timestampBegin).filter((token) => token !== noTimestamps);

describe('timestamp rules', () => {
  test('let a text begin with a time, and not with a late one', () => {
    expect(allowed([])).toEqual(range(timestampBegin, timestampBegin + maxInitialIndex + 1));
  });

  test('put text behind the first time', () => {
    expect(allowed([15])).toEqual(beforeTimes);
  });

  test('after text allow more text, or a later time', () => {
    expect(allowed([15, 3])).toEqual([...beforeTimes, ...range(16, nVocab)]);
    expect(allowed([15, 3, 4])).toEqual([...beforeTimes, ...range(16, nVocab)]);
  });

  test('after a time that ends a stretch allow that time again, a later one, or the end', () => {
    const notText = range(eot, timestampBegin).filter((token) => token !== noTimestamps);
    expect(allowed([15, 3, 20], { [eot]: 50 })).toEqual([...notText, ...range(20, nVocab)]);
  });

  test('after a pair of times want text', () => {
    expect(allowed([15, 3, 20, 20])).toEqual(beforeTimes);
    expect(allowed([15, 3, 20, 22])).toEqual(beforeTimes);
  });

  test('never go back in time', () => {
    expect(allowed([15, 3, 20, 22, 4])).toEqual([...beforeTimes, ...range(23, nVocab)]);
  });

  test('want a time where all times together are likelier than any text', () => {
    const times = Object.fromEntries(range(16, nVocab).map((token) => [token, 2]));
    expect(allowed([15, 3], { ...times, 4: 4.9 })).toEqual(range(16, nVocab)); // 19 times of 2: 2 + ln 19 = 4.94
    expect(allowed([15, 3], { ...times, 4: 5 })).toEqual([...beforeTimes, ...range(16, nVocab)]);
  });

  test('whatever the logits, give sequences of rising times in pairs around text', () => {
    const step = fc.array(fc.float({ noNaN: true, min: -20, max: 20 }), { minLength: nVocab, maxLength: nVocab });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const sampled: number[] = [];
        for (const logits of steps) {
          const row = Float32Array.from(logits);
          suppressTokens([11, 12, 13]).apply(row, sampled);
          rules.apply(row, sampled);
          const token = row.indexOf(Math.max(...row));
          expect(row[token]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
          if (token === eot) break;
          sampled.push(token);
        }
        const times = sampled.filter((token) => token >= timestampBegin);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        if (sampled.length > 0) expect(sampled[0]).toBeGreaterThanOrEqual(timestampBegin);
        for (const [i, token] of sampled.entries()) {
          // No three times in a row, and no stretch of text that lasts no time.
          const isTime = (at: number) => (sampled[at] ?? 0) >= timestampBegin;
          expect(isTime(i) && isTime(i + 1) && isTime(i + 2)).toBe(false);
          if (isTime(i) && !isTime(i - 1) && i > 0) {
            const before = sampled.slice(0, i).findLast((other) => other >= timestampBegin) ?? -1;
            expect(token).toBeGreaterThan(before);
          }
        }
      }),
    );
  });
});

describe('suppressed tokens', () => {
  test('are out always, or at the beginning only', () => {
    const row = new Float32Array(nVocab);
    suppressTokens([1, 2]).apply(row, [5]);
    suppressAtBegin([3]).apply(row, [5]);
    expect([...row.keys()].filter((token) => row[token] !== 0)).toEqual([1, 2]);
    suppressAtBegin([3]).apply(row, []);
    expect([...row.keys()].filter((token) => row[token] !== 0)).toEqual([1, 2, 3]);
    expect(text).toContain(1);
  });
});

describe('the filters of a text', () => {
  const special = specialTokens(51865);
  const generation = {
    suppressTokens: [7],
    beginSuppressTokens: [220, special.eot],
    alignmentHeads: [],
    maxLength: 448,
  };
  const settings = {
    task: 'transcribe',
    temperature: 0,
    beamSize: 5,
    bestOf: 1,
    patience: 1,
    previous: [],
    prefix: [],
    suppress: [9],
    logprobThreshold: -1,
    maxInitialTimestampSeconds: 0.4,
    random: Math.random,
  } as const;

  function forbidden(timestamps: boolean, sampled: readonly number[]): number[] {
    const row = new Float32Array(special.nVocab);
    row[300] = 50; // a text so likely that no time is due
    const filters = logitFilters(decodingRules(special, generation), { ...settings, timestamps });
    for (const filter of filters) filter.apply(row, sampled);
    return [...row.keys()].filter((token) => row[token] === Number.NEGATIVE_INFINITY);
  }

  test("take out the model's tokens and the caller's, at the beginning also those that no text begins with", () => {
    expect(forbidden(false, [])).toEqual([7, 9, 220, special.eot]);
    expect(forbidden(false, [300])).toEqual([7, 9]);
  });

  test('with timestamps let a text begin with one up to the given second, and go on with text behind it', () => {
    const { nVocab, timestampBegin, noTimestamps } = special;
    expect(forbidden(true, [])).toEqual([...range(0, timestampBegin), ...range(timestampBegin + 21, nVocab)]);
    expect(forbidden(true, [timestampBegin])).toEqual([7, 9, noTimestamps, ...range(timestampBegin, nVocab)]);
  });
});
