// Weights in the order that products read them.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "../memory_block.h"
#include "kernels.h"
#include "operator.h"

namespace network {

struct PackedWeights {
  size_t outputs;
  /** [panels][depth][panel_width] */
  MemoryBlock weights;
  /** [panels][panel_width] */
  std::vector<float> bias;
};

/**
 * @param weight_of f32 of an output (below `outputs`) and an element of its sum (below `depth`)
 * @param bias [outputs]; zeros without
 */
template <typename WeightOf>
PackedWeights pack_weights(size_t outputs, size_t depth, const float* bias, WeightOf weight_of) {
  const size_t panels = (outputs + panel_width - 1) / panel_width;
  PackedWeights packed{
      .outputs = outputs,
      .weights = MemoryBlock(multiply_sizes({panels, depth, panel_width}) * sizeof(float)),
      .bias = std::vector<float>(panels * panel_width),
  };
  if (bias != nullptr) std::copy_n(bias, outputs, packed.bias.begin());
  auto* values = packed.weights.as<float>();
  for (size_t output = 0; output < outputs; ++output) {
    float* column = values + output / panel_width * depth * panel_width + output % panel_width;
    for (size_t k = 0; k < depth; ++k) column[k * panel_width] = weight_of(output, k);
  }
  return packed;
}

}  // namespace network
