import { seededRandom } from '../../src/decoding/random.ts';

/** Where an input's choices come from: the same for the same seed. */
export interface Draw {
  /** A whole number from 0 to `count` - 1. */
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(values: readonly T[]): T;
  bytes(length: number): Buffer;
  /** A number of so many bits, often one where arithmetic goes wrong. */
  oddNumber(bits: 8 | 16 | 24 | 32): number;
  /** A length, mostly small. */
  length(most: number): number;
}

export function drawing(seed: number): Draw {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ (seed >>> 15));
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(values: readonly T[]): T => {
    if (values.length === 0) throw new RangeError('there is nothing to pick');
    return values[below(values.length)] as T;
  };
  return {
    below,
    pick,
    chance: (probability) => random() < probability,
    bytes: (length) => Buffer.from(Uint8Array.from({ length }, () => below(256))),
    oddNumber(bits) {
      const all = 2 ** bits;
      const odd = [0, 1, 2, 3, all / 2 - 1, all / 2, all / 2 + 1, all - 2, all - 1, 255, 256, 0x7fff, 0x8000];
      return random() < 0.6 ? pick(odd) % all : below(all);
    },
    length: (most) => Math.floor(most * random() ** 3),
  };
}
