// How far a product in int8 may be from the same product in float32.
#pragma once

#include <string>
#include <vector>

#include "row_product.h"

namespace WHISPER_CPU_LEVEL {

class RoundingError {
 public:
  /** For products of rows of activations with a matrix that is quantised in blocks. */
  RoundingError(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs);

  /**
   * The standard deviation of the error of an output, for the outputs with the largest one. The errors of weights and of
   * activations are taken to be uniform, up to half of the scale of their block.
   *
   * @param row a row that has been quantised
   */
  float deviation(const Activations& activations, size_t row) const;

 private:
  size_t inputs_;
  /** Of each block of inputs: the largest scale of any output squared, and the largest sum of squares of its weights. */
  std::vector<float> squared_scales_;
  std::vector<float> squared_weights_;
};

}  // namespace WHISPER_CPU_LEVEL
