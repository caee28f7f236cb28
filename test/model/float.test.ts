import { describe, expect, test } from 'vitest';
import { widenBf16, widenF16 } from '../../src/model/float.ts';

const allHalves = Int16Array.from({ length: 65536 }, (_, i) => i);

/** IEEE 754 binary16 as its definition says it. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

function firstDifference(actual: Float32Array, expected: (bits: number) => number): number | undefined {
  const at = actual.findIndex((value, bits) => !Object.is(value, expected(bits)));
  return at < 0 ? undefined : at;
}

describe('widening to f32', () => {
  test('gives every f16 value exactly, signed zeros, subnormals, infinities and NaNs included', () => {
    const values = new Float32Array(65536);
    widenF16(allHalves, new Int32Array(values.buffer), 0);
    expect(firstDifference(values, halfValue)).toBeUndefined();
  });

  test('gives every bf16 value exactly', () => {
    const values = new Float32Array(65536);
    widenBf16(allHalves, new Int32Array(values.buffer), 0);
    const view = new DataView(new ArrayBuffer(4));
    const expected = (bits: number) => {
      view.setUint16(0, bits);
      return view.getFloat32(0);
    };
    expect(firstDifference(values, expected)).toBeUndefined();
  });

  test('writes from the given index on and nowhere else', () => {
    const values = new Float32Array(4).fill(9);
    widenF16(Int16Array.of(0x3c00, -0x4000), new Int32Array(values.buffer), 1);
    expect([...values]).toEqual([9, 1, -2, 9]);
  });
});
