/**
 * Widens IEEE half-precision values to f32, exactly: subnormals, infinities and NaN payloads included.
 *
 * @param source the values' bits
 * @param target receives them, as f32 bits, from index `at` on
 */
export function widenF16(source: Int16Array, target: Int32Array, at: number): void {
  for (let i = 0; i < source.length; i += 1) {
    const half = source[i] as number;
    const exponent = half & 0x7c00;
    // Nearly every weight is a normal number. Shifting it into place leaves copies of the sign, as `half` is signed, where
    // only zeros may be; the sum moves the exponent's bias from 15 to 127.
    target[at + i] =
      exponent !== 0 && exponent !== 0x7c00 ? ((half << 13) & 0x8fffffff) + 0x38000000 : widenSpecial(half);
  }
}

/** The f32 bits of a zero, a subnormal, an infinity or a NaN. */
function widenSpecial(half: number): number {
  const sign = (half & 0x8000) << 16;
  const mantissa = half & 0x03ff;
  if ((half & 0x7c00) !== 0) return sign | 0x7f800000 | (mantissa << 13);
  if (mantissa === 0) return sign;
  // mantissa * 2^-24, normalised: f32 has exponents to spare.
  const leadingBit = 31 - Math.clz32(mantissa);
  return sign | ((leadingBit - 24 + 127) << 23) | ((mantissa << (23 - leadingBit)) & 0x007fffff);
}

/** Widens bfloat16 values, which are the upper halves of f32 values. Parameters as in {@link widenF16}. */
export function widenBf16(source: Int16Array, target: Int32Array, at: number): void {
  for (let i = 0; i < source.length; i += 1) target[at + i] = (source[i] as number) << 16;
}

const floatValue = new Float32Array(1);
const floatBits = new Uint32Array(floatValue.buffer);

/** The IEEE half-precision bits nearest to a value, ties to even; beyond 65519 it is infinity. */
export function toHalf(value: number): number {
  floatValue[0] = value;
  const bits = floatBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below the smallest normal number the half's unit is 2^-24: adding 0.5 lets the f32 addition round to that unit.
  if (magnitude < 0x38800000) {
    floatValue[0] = Math.abs(value) + 0.5;
    return sign | ((floatBits[0] as number) - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0x0fff + ((magnitude >> 13) & 1)) >> 13);
}
