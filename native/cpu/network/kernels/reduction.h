// Sums and maxima of a row. They are taken in as many parts as a panel is wide, which a compiler may make vectors of; one
// sum it may not, as that would add in another order.
#pragma once

#include "../kernels.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

/** The sum of value_of(i) for all i < count. */
template <typename ValueOf>
inline float sum_of(size_t count, ValueOf value_of) {
  float parts[panel_width] = {};
  size_t i = 0;
  for (; i + panel_width <= count; i += panel_width)
    for (size_t lane = 0; lane < panel_width; ++lane) parts[lane] += value_of(i + lane);
  for (size_t lane = 0; i < count; ++i, ++lane) parts[lane] += value_of(i);
  float sum = 0.0F;
  for (const float part : parts) sum += part;
  return sum;
}

/** The largest of x [count], count > 0; not NaN unless the first is. */
inline float maximum_of(const float* x, size_t count) {
  float parts[panel_width];
  for (float& part : parts) part = x[0];
  size_t i = 0;
  for (; i + panel_width <= count; i += panel_width)
    for (size_t lane = 0; lane < panel_width; ++lane) parts[lane] = x[i + lane] > parts[lane] ? x[i + lane] : parts[lane];
  for (; i < count; ++i) parts[0] = x[i] > parts[0] ? x[i] : parts[0];
  float largest = parts[0];
  for (const float part : parts) largest = part > largest ? part : largest;
  return largest;
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
