// Exponentials along a row, relative to its largest element.
#pragma once

#include "math.h"
#include "reduction.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

void softmax(const float* x, float* y, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; ++row) {
    const float* __restrict values = x + row * width;
    float* __restrict shares = y + row * width;
    const float largest = maximum_of(values, width);
    for (size_t i = 0; i < width; ++i) shares[i] = exponential(values[i] - largest);
    const float factor = 1.0F / sum_of(width, [&](size_t i) { return shares[i]; });
    for (size_t i = 0; i < width; ++i) shares[i] *= factor;
  }
}

void log_softmax(const float* x, float* y, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; ++row) {
    const float* __restrict values = x + row * width;
    float* __restrict logs = y + row * width;
    const float largest = maximum_of(values, width);
    const float log_sum = __builtin_logf(sum_of(width, [&](size_t i) { return exponential(values[i] - largest); }));
    for (size_t i = 0; i < width; ++i) logs[i] = values[i] - largest - log_sum;
  }
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
