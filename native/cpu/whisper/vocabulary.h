// From the decoder's states to the logits of the vocabulary.
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
 * The embedding in float32 is half of what a step would read. A copy in 8 bits screens it, and what may be the highest is
 * computed anew in float32, as are all timestamps, whose sum decides whether one is due.
 */
class Vocabulary {
 public:
  Vocabulary(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool);

  /** All logits in float32, [rows, n_vocab]. */
  void logits(const Activations& states, std::span<const int32_t> rows, float* logits);
  /** The likeliest allowed token (the first of equals) behind a row; its logprob is NaN where no logit is a number. */
  Choice choose(const Activations& states, int32_t row, const Allowed& allowed);

 private:
  void take(const Activations& states, std::span<const int32_t> rows);
  void screen(size_t first, size_t last, const Allowed& allowed, float* logits);
  void refine(float least, const Allowed& allowed, float* logits);
  float threshold(float margin) const;

  ThreadPool& pool_;
  size_t size_;
  size_t state_;
  RowMatrix exact_;
  RowMatrix screened_;
  RoundingError screen_error_;
  Activations states_;
  size_t row_capacity_ = 1;
  /** The highest logit of every few tokens. */
  std::vector<float> maxima_;
  std::vector<int32_t> candidates_;
  std::vector<float> chosen_logits_;
};

}  // namespace WHISPER_CPU_LEVEL
