// From the decoder's hidden states to the logits of the vocabulary.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "../dimensions.h"
#include "rounding_error.h"
#include "row_product.h"
#include "../step.h"
#include "../thread_pool.h"

namespace WHISPER_CPU_LEVEL {

/**
 * The embedding matrix in float32 would be half of what a step reads. So an int8 copy of it prefilters the tokens, and only
 * those that may have the highest logit are rescored in float32, as all timestamps are, whose sum decides whether one is
 * due.
 */
class OutputProjection {
 public:
  OutputProjection(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool);

  /** Computes all logits of some rows in float32, f32 [rows, n_vocab]. */
  void logits(const Activations& states, std::span<const int32_t> rows, float* logits);
  /** The likeliest allowed token behind a row, the first of equal ones; its logprob is NaN where no logit is a number. */
  Choice choose(const Activations& states, int32_t row, const AllowedTokens& allowed);

 private:
  void gather_rows(const Activations& states, std::span<const int32_t> rows);
  void prefilter(size_t first, size_t last, const AllowedTokens& allowed, float* logits);
  void rescore(float least, const AllowedTokens& allowed, float* logits);
  float rescore_threshold(float margin) const;

  ThreadPool& pool_;
  size_t size_;
  size_t state_;
  RowMatrix fp32_matrix_;
  RowMatrix int8_matrix_;
  RoundingError int8_error_;
  Activations states_;
  size_t row_capacity_ = 1;
  /** The highest logit of each group of tokens. */
  std::vector<float> group_maxima_;
  std::vector<int32_t> candidates_;
  std::vector<float> prefiltered_logits_;
};

}  // namespace WHISPER_CPU_LEVEL
