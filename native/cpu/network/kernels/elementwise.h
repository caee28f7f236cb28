// Each element by itself.
#pragma once

#include "math.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

/** NaN stays NaN, here and below: a comparison with it is false. */
void relu(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = x[i] < 0.0F ? 0.0F : x[i];
}

void leaky_relu(const float* __restrict x, float alpha, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = x[i] < 0.0F ? alpha * x[i] : x[i];
}

void sigmoid(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = logistic(x[i]);
}

void tanh(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = hyperbolic_tangent(x[i]);
}

void square_root(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = __builtin_sqrtf(x[i]);
}

void square(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = x[i] * x[i];
}

void absolute(const float* __restrict x, float* __restrict y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = __builtin_fabsf(x[i]);
}

/** A loop of its own for every pair of steps, so that each is over contiguous elements. */
template <typename Function>
inline void for_pairs(const float* a, size_t a_step, const float* b, size_t b_step, float* __restrict y, size_t count,
                      Function function) {
  if (a_step == 1 && b_step == 1) {
    for (size_t i = 0; i < count; ++i) y[i] = function(a[i], b[i]);
  } else if (a_step == 1) {
    const float other = *b;
    for (size_t i = 0; i < count; ++i) y[i] = function(a[i], other);
  } else if (b_step == 1) {
    const float other = *a;
    for (size_t i = 0; i < count; ++i) y[i] = function(other, b[i]);
  } else {
    const float value = function(*a, *b);
    for (size_t i = 0; i < count; ++i) y[i] = value;
  }
}

void add(const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t count) {
  for_pairs(a, a_step, b, b_step, y, count, [](float one, float other) { return one + other; });
}

void multiply(const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t count) {
  for_pairs(a, a_step, b, b_step, y, count, [](float one, float other) { return one * other; });
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
