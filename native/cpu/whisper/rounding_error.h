// How far a product of rows in 8 bits may be from the same in float32.
#pragma once

#include <string>
#include <vector>

#include "row_product.h"

namespace WHISPER_CPU_LEVEL {

class RoundingError {
 public:
  /** Of rows of activations with a matrix in blocks. */
  RoundingError(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);

  /**
   * The standard deviation of an output's error, of those that err most: every weight and every activation is off by up to
   * half of its block's scale, evenly.
   *
   * @param row with its copy in 8 bits
   */
  float deviation(const Activations& activations, size_t row) const;

 private:
  size_t inputs_;
  /** Of each block of inputs: the largest scale of any output squared, and the largest sum of squares of its weights. */
  std::vector<float> squared_scales_;
  std::vector<float> squared_weights_;
};

}  // namespace WHISPER_CPU_LEVEL
