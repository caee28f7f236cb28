// Functions of one float without branches or calls, so that loops over them become loops over vectors.
#pragma once

#include <cstddef>
#include <cstdint>

namespace network::WHISPER_CPU_LEVEL {
namespace {

/**
 * e^x within three units in the last place. Below -87.3 it is 1.2e-38 and above 88.3 it is 2.3e38, which neither quotients
 * of 1 nor sums with it can tell from 0 and infinity. NaN of NaN.
 */
inline float exponential(float x) {
  constexpr float smallest = -87.3F;
  constexpr float largest = 88.3F;
  // Written so that NaN, which compares as false, stays.
  const float limited = x < smallest ? smallest : (x > largest ? largest : x);
  // Added to this, a number loses its fraction to rounding, and its integer is in the lowest bits.
  constexpr float rounder = 12582912.0F;  // 1.5 * 2^23
  constexpr float log2_e = 1.44269504F;
  const float shifted = limited * log2_e + rounder;
  const float whole = shifted - rounder;
  // ln 2 in two parts, so that the first product is exact.
  const float rest = (limited - whole * 0.693359375F) - whole * -2.12194440e-4F;
  // Taylor's series, |rest| <= ln 2 / 2: the first term left out is 1.2e-7 of 1 at most.
  float power = 1.3888889e-3F;
  power = power * rest + 8.3333333e-3F;
  power = power * rest + 4.1666668e-2F;
  power = power * rest + 1.6666667e-1F;
  power = power * rest + 0.5F;
  power = power * rest + 1.0F;
  power = power * rest + 1.0F;
  const auto bits = __builtin_bit_cast(uint32_t, shifted);
  return power * __builtin_bit_cast(float, (bits << 23) + 0x3f800000U);
}

inline float logistic(float x) { return 1.0F / (1.0F + exponential(-x)); }

/** Within 1e-7 of 1, not of the result where that is small. */
inline float hyperbolic_tangent(float x) { return 1.0F - 2.0F / (1.0F + exponential(2.0F * x)); }

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
