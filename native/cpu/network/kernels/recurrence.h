// The elementwise half of an LSTM; the other half is a product.
#pragma once

#include "math.h"

namespace network::WHISPER_CPU_LEVEL {
namespace {

void lstm_gates(const float* __restrict gates, float* __restrict cell, float* __restrict hidden, size_t size) {
  const float* __restrict input = gates;
  const float* __restrict output = gates + size;
  const float* __restrict forget = gates + 2 * size;
  const float* __restrict candidate = gates + 3 * size;
  for (size_t i = 0; i < size; ++i) {
    cell[i] = logistic(forget[i]) * cell[i] + logistic(input[i]) * hyperbolic_tangent(candidate[i]);
    hidden[i] = logistic(output[i]) * hyperbolic_tangent(cell[i]);
  }
}

}  // namespace
}  // namespace network::WHISPER_CPU_LEVEL
