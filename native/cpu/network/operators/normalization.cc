#include <cmath>
#include <memory>

#include "operators.h"

namespace network {
namespace {

constexpr float usual_epsilon = 1e-5F;

/** What [channels] are multiplied with and what is added to them. */
struct ScaleAndShift {
  std::vector<float> scale;
  std::vector<float> shift;
};

size_t channels_of(const Fields& fields, const WeightTensor& scale) {
  if (scale.shape.size() != 1 || scale.values.empty()) fields.fail("the scale is " + text_of(scale.shape));
  return scale.shape[0];
}

ScaleAndShift scale_and_shift(Fields& fields) {
  const WeightTensor& scale = fields.weight("scale");
  return {scale.values, fields.channel_weight("shift", channels_of(fields, scale)).values};
}

/** The layout of y like x [..., channels]. */
auto same_shape(size_t channels, size_t least_axes) {
  return [channels, least_axes](std::span<const Shape> inputs) {
    const Shape& x = inputs[0];
    if (x.size() < least_axes || x.back() != channels)
      throw NetworkError("x is " + text_of(x) + ", not [..., " + std::to_string(channels) + "]");
    return Layout{{x}};
  };
}

}  // namespace

Operator layer_norm(Fields& fields, const Kernels& kernels) {
  const auto weights = std::make_shared<ScaleAndShift>(scale_and_shift(fields));
  const float epsilon = fields.number("epsilon", usual_epsilon);
  const size_t width = weights->scale.size();
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = same_shape(width, 1),
      .compute =
          [weights, epsilon, width, &kernels](const Tensors& tensors) {
            const auto& [x, shape] = tensors.inputs[0];
            kernels.layer_norm(x, weights->scale.data(), weights->shift.data(), epsilon, tensors.outputs[0].data,
                               element_count(shape) / width, width);
          },
  };
}

Operator batch_norm(Fields& fields, const Kernels& kernels) {
  const auto weights = std::make_shared<ScaleAndShift>(scale_and_shift(fields));
  const float epsilon = fields.number("epsilon", usual_epsilon);
  const size_t channels = weights->scale.size();
  const WeightTensor& mean = fields.channel_weight("mean", channels);
  const WeightTensor& variance = fields.channel_weight("variance", channels);
  for (size_t i = 0; i < channels; ++i) {
    // In doubles, because it happens once.
    const double factor = weights->scale[i] / std::sqrt(static_cast<double>(variance.values[i]) + epsilon);
    weights->scale[i] = static_cast<float>(factor);
    weights->shift[i] = static_cast<float>(weights->shift[i] - mean.values[i] * factor);
  }
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = same_shape(channels, 1),
      .compute =
          [weights, channels, &kernels](const Tensors& tensors) {
            const auto& [x, shape] = tensors.inputs[0];
            kernels.scale_and_shift(x, weights->scale.data(), weights->shift.data(), tensors.outputs[0].data,
                                    element_count(shape) / channels, channels);
          },
  };
}

Operator instance_norm(Fields& fields, const Kernels& kernels) {
  const auto weights = std::make_shared<ScaleAndShift>(scale_and_shift(fields));
  const float epsilon = fields.number("epsilon", usual_epsilon);
  const size_t channels = weights->scale.size();
  return {
      .inputs = {fields.name("x")},
      .outputs = {fields.name("y")},
      .layout = same_shape(channels, 3),
      .compute =
          [weights, epsilon, channels, &kernels](const Tensors& tensors) {
            const auto& [x, shape] = tensors.inputs[0];
            const size_t count = element_count(shape);
            const size_t rows = count / channels / shape[0];
            std::vector<double> mean(channels);
            std::vector<double> squared_deviations(channels);
            std::vector<float> scale(channels);
            std::vector<float> shift(channels);
            for (size_t first = 0; first < count; first += rows * channels) {
              kernels.moments(x + first, rows, channels, mean.data(), squared_deviations.data());
              for (size_t i = 0; i < channels; ++i) {
                const double variance = squared_deviations[i] / static_cast<double>(rows);
                const double factor = weights->scale[i] / std::sqrt(variance + epsilon);
                scale[i] = static_cast<float>(factor);
                shift[i] = static_cast<float>(weights->shift[i] - mean[i] * factor);
              }
              kernels.scale_and_shift(x + first, scale.data(), shift.data(), tensors.outputs[0].data + first, rows,
                                      channels);
            }
          },
  };
}

}  // namespace network
