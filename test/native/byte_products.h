// Sums of products of bytes as each level computes them: compiled once for every level, as the engine is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/** Whole numbers within a byte. */
struct ByteMatrix {
  std::vector<float> activations;
  /** [outputs, inputs] */
  std::vector<int8_t> weights;
  size_t inputs;
  size_t outputs;
};

struct ByteProducts {
  /** As the encoder multiplies, and as the decoder does: one for each output. */
  std::vector<float> of_many_rows;
  std::vector<float> of_one_row;
};

#define LEVEL(name)                                     \
  namespace level_##name {                              \
  ByteProducts byte_products(const ByteMatrix& matrix); \
  }
#include "cpu_levels.inc"
#undef LEVEL
