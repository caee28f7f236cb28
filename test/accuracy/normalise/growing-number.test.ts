import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  added,
  digits,
  extended,
  followed,
  type GrowingNumber,
  multiplied,
  partMultiplied,
  replaced,
  sum,
  textOf,
} from '../../../src/accuracy/normalise/growing-number.ts';

const powers = [1n, 100n, 1000n, 10n ** 6n, 10n ** 33n];
const power = fc.constantFrom(...powers);
/** Long rows of nines and zeros are where carries and free places are. */
const decimal = fc.oneof(
  fc.stringMatching(/^\d{1,12}$/),
  fc
    .stringMatching(/^\d{1,12}$/)
    .chain((start) =>
      fc
        .array(fc.tuple(fc.constantFrom('9', '0', '5'), fc.integer({ min: 1, max: 200 })), { maxLength: 5 })
        .map((rows) => start + rows.map(([digit, count]) => digit.repeat(count)).join('')),
    ),
);

/** The same number, grown digit by digit. */
function grown(text: string): GrowingNumber {
  return Array.from(text).reduce((value, digit) => extended(value, digit), digits(''));
}

describe('a number', () => {
  test('reads as it was written, however it grew', () => {
    fc.assert(
      fc.property(decimal, decimal, (start, more) => {
        expect(textOf(grown(start))).toBe(start);
        expect(textOf(sum(start))).toBe(String(BigInt(start)));
        expect(textOf(extended(sum(start), more))).toBe(`${BigInt(start)}${more}`);
        expect(textOf(followed(sum(start), more))).toBe(`${BigInt(start) || ''}${more}`);
        expect(textOf(replaced(grown(start), '7'))).toBe(`${start.slice(0, -1)}7`);
      }),
    );
  });

  test('is multiplied by a power of ten where that leaves a whole one', () => {
    fc.assert(
      fc.property(decimal, fc.option(fc.stringMatching(/^[01]{0,40}0{0,40}$/)), power, (whole, fraction, times) => {
        const places = fraction?.length ?? 0;
        const product = BigInt(whole + (fraction ?? '')) * times;
        const divisor = 10n ** BigInt(places);
        const expected = product % divisor === 0n ? String(product / divisor) : undefined;
        for (const value of [digits, grown].map((make) => make(fraction === null ? whole : `${whole}.${fraction}`))) {
          const found = multiplied(value, times);
          expect(found === undefined ? undefined : textOf(found)).toBe(expected);
        }
      }),
    );
    for (const text of ['', '.', '1.2.3', '5.$2']) expect(multiplied(digits(text), 1000n)).toBeUndefined();
  });

  test('has its part below a thousand multiplied, and takes what its places leave free', () => {
    fc.assert(
      fc.property(decimal, fc.array(power, { maxLength: 4 }), fc.integer({ min: 0, max: 99 }), (start, times, more) => {
        let [value, expected] = [sum(start), BigInt(start)];
        for (const multiplier of times) {
          value = partMultiplied(value, multiplier);
          expected += (expected % 1000n) * (multiplier - 1n);
          expect(textOf(value)).toBe(String(expected));
        }
        const isFree = expected % (more < 10 ? 10n : 100n) === 0n;
        const found = added(value, BigInt(more));
        expect(found === undefined ? undefined : textOf(found)).toBe(
          isFree ? String(expected + BigInt(more)) : undefined,
        );
      }),
    );
  });
});
