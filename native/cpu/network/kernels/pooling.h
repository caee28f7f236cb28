// What a pooling window does with one of its rows.
#pragma once

#include <cstddef>

namespace network::WHISPER_CPU_LEVEL {
namespace {

void keep_maximum(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = (x[i] > y[i]) | (x[i] != x[i]) ? x[i] : y[i];
}

void accumulate(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] += x[i];
}

void scale(float factor, float* y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] *= factor;
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
