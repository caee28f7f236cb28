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

#define DECLARE_BYTE_PRODUCTS(level)                     \
  namespace level {                                      \
  ByteProducts byte_products(const ByteMatrix& matrix); \
  }
DECLARE_BYTE_PRODUCTS(level_plain)
#ifdef WHISPER_CPU_HAS_AVX2
DECLARE_BYTE_PRODUCTS(level_avx2)
#endif
#ifdef WHISPER_CPU_HAS_AVXVNNI
DECLARE_BYTE_PRODUCTS(level_avxvnni)
#endif
#ifdef WHISPER_CPU_HAS_DOTPROD
DECLARE_BYTE_PRODUCTS(level_dotprod)
#endif
#ifdef WHISPER_CPU_HAS_AVX512
DECLARE_BYTE_PRODUCTS(level_avx512)
#endif
