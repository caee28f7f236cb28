// Means and variances, and what is scaled by them.
#pragma once

#include "reduction.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

void scale_and_shift(const float* __restrict x, const float* __restrict scale, const float* __restrict shift,
                     float* __restrict y, size_t rows, size_t width) {
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < width; ++i) y[row * width + i] = x[row * width + i] * scale[i] + shift[i];
}

void layer_norm(const float* x, const float* scale, const float* shift, float epsilon, float* y, size_t rows,
                size_t width) {
  const auto count = static_cast<float>(width);
  for (size_t row = 0; row < rows; ++row) {
    const float* __restrict values = x + row * width;
    float* __restrict normed = y + row * width;
    const float mean = sum_of(width, [&](size_t i) { return values[i]; }) / count;
    const float squares = sum_of(width, [&](size_t i) { return (values[i] - mean) * (values[i] - mean); });
    const float factor = 1.0F / __builtin_sqrtf(squares / count + epsilon);
    for (size_t i = 0; i < width; ++i) normed[i] = (values[i] - mean) * factor * scale[i] + shift[i];
  }
}

/** In doubles: a row may be one sample of a recording, and then there are hundreds of thousands. */
void moments(const float* __restrict x, size_t rows, size_t width, double* __restrict mean,
             double* __restrict squared_deviations) {
  for (size_t i = 0; i < width; ++i) mean[i] = 0.0;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < width; ++i) mean[i] += static_cast<double>(x[row * width + i]);
  for (size_t i = 0; i < width; ++i) mean[i] /= static_cast<double>(rows);
  if (squared_deviations == nullptr) return;
  for (size_t i = 0; i < width; ++i) squared_deviations[i] = 0.0;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < width; ++i) {
      const double deviation = static_cast<double>(x[row * width + i]) - mean[i];
      squared_deviations[i] += deviation * deviation;
    }
  }
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
