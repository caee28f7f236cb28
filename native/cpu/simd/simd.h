// Vectors of the instruction set that this source is compiled for, and the elementwise functions of a transformer. The
// header of the level (WHISPER_CPU_SIMD) defines the vector types, the dtypes that products are computed in, and whatever
// needs instructions of its own; what is written here is the same for all levels.
//
// Sources that include this are compiled once per level, in the level's namespace and with its compiler flags.
#pragma once

#include WHISPER_CPU_SIMD

namespace WHISPER_CPU_LEVEL {

inline constexpr size_t lanes = sizeof(Floats) / sizeof(float);

inline constexpr float log2_e = 1.44269504F;

inline Floats absolute(Floats values) { return Floats(Integers(values) & 0x7fffffff); }

/** 2^x for x <= 127, to the last bits of a float; below -126 it is 2^-126, next to nothing; NaN of NaN. */
inline Floats exp2_of(Floats exponents) {
  const Floats x = maximum(broadcast(-126.0F), exponents);  // the second where one is NaN
  const Floats whole = round(x);
  const Floats rest = x - whole;
  // Taylor's series of 2^rest, |rest| <= 1/2: the first term left out is 2^-23 at most.
  Floats power = broadcast(1.5403530e-4F);
  power = multiply_add(power, rest, broadcast(1.3333558e-3F));
  power = multiply_add(power, rest, broadcast(9.6181291e-3F));
  power = multiply_add(power, rest, broadcast(5.5504109e-2F));
  power = multiply_add(power, rest, broadcast(2.4022651e-1F));
  power = multiply_add(power, rest, broadcast(6.9314718e-1F));
  power = multiply_add(power, rest, broadcast(1.0F));
  return scale_by_power_of_2(power, whole);
}

/** The exact GELU, x * (1 + erf(x / sqrt(2))) / 2, with Abramowitz and Stegun's 7.1.26 for erf: off by 1.5e-7 at most. */
inline Floats gelu(Floats x) {
  const Floats magnitude = absolute(x) * broadcast(0.70710678F);
  const Floats t = broadcast(1.0F) / multiply_add(magnitude, broadcast(0.3275911F), broadcast(1.0F));
  Floats series = broadcast(1.061405429F);
  series = multiply_add(series, t, broadcast(-1.453152027F));
  series = multiply_add(series, t, broadcast(1.421413741F));
  series = multiply_add(series, t, broadcast(-0.284496736F));
  series = multiply_add(series, t, broadcast(0.254829592F));
  const Floats tail = series * t * exp2_of(magnitude * magnitude * broadcast(-log2_e));  // 1 - erf(magnitude)
  const Integers sign_bit = Integers(x) & broadcast(INT32_MIN);
  const Floats signed_erf = Floats(Integers(broadcast(1.0F) - tail) ^ sign_bit);
  return x * broadcast(0.5F) * (broadcast(1.0F) + signed_erf);
}

}  // namespace WHISPER_CPU_LEVEL
