#include "rounding_error.h"

#include <algorithm>
#include <cmath>

namespace WHISPER_CPU_LEVEL {

RoundingError::RoundingError(const WeightsFile& weights, const std::string& name, size_t inputs, size_t outputs)
    : inputs_(inputs),
      squared_scales_(inputs / block_size(inputs)),
      squared_weights_(inputs / block_size(inputs)) {
  const size_t block = block_size(inputs);
  const size_t blocks = inputs / block;
  const auto* values = weights.tensor<uint8_t>(name + ".blocks", inputs * outputs);
  const float* scales = weights.floats(name + ".scales", outputs * blocks);
  for (size_t i = 0; i < outputs * blocks; ++i) {
    int32_t sum = 0;
    for (size_t at = i * block; at < (i + 1) * block; ++at) sum += (values[at] - 128) * (values[at] - 128);
    const float squared_scale = scales[i] * scales[i];
    float& largest_scale = squared_scales_[i % blocks];
    float& largest_sum = squared_weights_[i % blocks];
    largest_scale = std::max(largest_scale, squared_scale);
    largest_sum = std::max(largest_sum, static_cast<float>(sum) * squared_scale);
  }
  weights.release(name + ".blocks");
}

float RoundingError::deviation(const Activations& activations, size_t row) const {
  const size_t block = block_size(inputs_);
  float variance = 0.0F;
  for (size_t index = 0; index < squared_scales_.size(); ++index) {
    const float* values = activations.row(row) + index * block;
    Floats sum = Floats{};
    for (size_t i = 0; i < block; i += lanes) sum = multiply_add(load(values + i), load(values + i), sum);
    const float scale = activations.scales(row)[index];
    variance += squared_scales_[index] * sum_of(sum) + scale * scale * squared_weights_[index];
  }
  return std::sqrt(variance / 12.0F);
}

}  // namespace WHISPER_CPU_LEVEL
