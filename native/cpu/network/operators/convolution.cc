#include <algorithm>
#include <memory>

#include "../packed_weights.h"
#include "operators.h"
#include "spatial.h"

namespace network {
namespace {

struct Convolution {
  size_t axes;
  Extent kernel;
  Extent stride;
  Extent padding;
  Extent dilation;
  size_t in_channels;
  size_t out_channels;
  /** One for each group. */
  std::vector<PackedWeights> groups;

  size_t group_channels() const { return in_channels / groups.size(); }
  bool is_padded() const { return padding.height > 0 || padding.width > 0; }
};

size_t output_size(size_t padded, size_t kernel, size_t dilation, size_t stride) {
  const size_t reach = dilation * (kernel - 1) + 1;
  if (padded < reach)
    throw NetworkError("a kernel over " + std::to_string(reach) + " does not fit into " + std::to_string(padded));
  return (padded - reach) / stride + 1;
}

Extent padded_size(const Convolution& convolution, Extent size) {
  return {size.height + 2 * convolution.padding.height, size.width + 2 * convolution.padding.width};
}

SpatialShape output_shape(const Convolution& convolution, const SpatialShape& x) {
  const auto& [axes, kernel, stride, padding, dilation, in_channels, out_channels, groups] = convolution;
  if (x.channels != in_channels)
    throw NetworkError("convolution: x has " + std::to_string(x.channels) + " channels, not " + std::to_string(in_channels));
  const Extent padded = padded_size(convolution, x.size);
  return {x.batch,
          {output_size(padded.height, kernel.height, dilation.height, stride.height),
           output_size(padded.width, kernel.width, dilation.width, stride.width)},
          out_channels};
}

/** x [batch, height, width, channels] -> [batch, padded height, padded width, channels] */
void copy_padded(const float* x, const SpatialShape& shape, Extent padding, float* padded) {
  const auto& [batch, size, channels] = shape;
  const size_t row = size.width * channels;
  const size_t side = padding.width * channels;
  const size_t above = padding.height * (row + 2 * side);
  for (size_t n = 0; n < batch; ++n) {
    padded = std::fill_n(padded, above, 0.0F);
    for (size_t h = 0; h < size.height; ++h, x += row) {
      padded = std::fill_n(padded, side, 0.0F);
      padded = std::copy_n(x, row, padded);
      padded = std::fill_n(padded, side, 0.0F);
    }
    padded = std::fill_n(padded, above, 0.0F);
  }
}

/** The offsets of the positions of a kernel in the input, relative to its first one. */
std::vector<size_t> segments_of(const Convolution& convolution, size_t padded_width) {
  std::vector<size_t> segments;
  for (size_t h = 0; h < convolution.kernel.height; ++h)
    for (size_t w = 0; w < convolution.kernel.width; ++w)
      segments.push_back((h * convolution.dilation.height * padded_width + w * convolution.dilation.width) *
                         convolution.in_channels);
  return segments;
}

void compute(const Convolution& convolution, const Kernels& kernels, const Tensors& tensors) {
  const SpatialShape x = spatial_shape(tensors.inputs[0].shape, convolution.axes);
  const SpatialShape y = output_shape(convolution, x);
  const Extent padded = padded_size(convolution, x.size);
  const float* data = tensors.inputs[0].data;
  if (convolution.is_padded()) {
    copy_padded(data, x, convolution.padding, tensors.scratch);
    data = tensors.scratch;
  }
  const auto segments = segments_of(convolution, padded.width);
  const size_t channels = convolution.group_channels();
  for (size_t group = 0; group < convolution.groups.size(); ++group) {
    const PackedWeights& packed = convolution.groups[group];
    kernels.product({
        .x = data + group * channels,
        .grid = {.height = y.size.height,
                 .width = y.size.width,
                 .batch_stride = padded.height * padded.width * x.channels,
                 .height_stride = convolution.stride.height * padded.width * x.channels,
                 .width_stride = convolution.stride.width * x.channels},
        .rows = y.batch * y.size.height * y.size.width,
        .segments = segments.data(),
        .segment_count = segments.size(),
        .segment_length = channels,
        .weights = packed.weights.as<float>(),
        .bias = packed.bias.data(),
        .out = tensors.outputs[0].data + group * packed.outputs,
        .out_stride = y.channels,
        .outputs = packed.outputs,
    });
  }
}

}  // namespace

Operator convolution(Fields& fields, const Kernels& kernels) {
  const std::string x = fields.name("x");
  const WeightTensor& weight = fields.weight("weight");
  const WeightTensor* bias = fields.optional_weight("bias");
  const size_t axes = weight.shape.size() - std::min<size_t>(weight.shape.size(), 2);
  if ((axes != 1 && axes != 2) || weight.values.empty()) fields.fail("the weight is " + text_of(weight.shape));
  const size_t out_channels = weight.shape[0];
  const size_t group_channels = weight.shape[1];
  const size_t group_count = fields.size("groups", 1);
  if (group_count == 0 || out_channels % group_count != 0) fields.fail("the groups do not divide the outputs");
  if (bias != nullptr && bias->shape != Shape{out_channels}) fields.fail("the bias is " + text_of(bias->shape));
  const auto convolution = std::make_shared<Convolution>(Convolution{
      .axes = axes,
      .kernel = extent_of(std::span(weight.shape).subspan(2), 1),
      .stride = extent_of(fields.sizes("stride", axes, 1), 1),
      .padding = extent_of(fields.sizes("padding", axes, 0), 0),
      .dilation = extent_of(fields.sizes("dilation", axes, 1), 1),
      .in_channels = multiply_sizes({group_channels, group_count}),
      .out_channels = out_channels,
      .groups = {},
  });
  for (const Extent& steps : {convolution->stride, convolution->dilation})
    if (steps.height == 0 || steps.width == 0) fields.fail("a stride or dilation is 0");
  const size_t depth = group_channels * convolution->kernel.height * convolution->kernel.width;
  const size_t group_outputs = out_channels / group_count;
  for (size_t group = 0; group < group_count; ++group) {
    const size_t first = group * group_outputs;
    convolution->groups.push_back(pack_weights(
        group_outputs, depth, bias == nullptr ? nullptr : bias->values.data() + first,
        [&](size_t output, size_t k) { return weight.values[(first + output) * depth + k]; }));
  }
  return {
      .inputs = {x},
      .outputs = {fields.name("y")},
      .layout =
          [convolution](std::span<const Shape> inputs) {
            const SpatialShape from = spatial_shape(inputs[0], convolution->axes);
            const Extent padded = padded_size(*convolution, from.size);
            const size_t padded_count = multiply_sizes({from.batch, padded.height, padded.width, from.channels});
            return Layout{{shape_of(output_shape(*convolution, from), convolution->axes)},
                          convolution->is_padded() ? padded_count : 0};
          },
      .compute = [convolution, &kernels](const Tensors& tensors) { compute(*convolution, kernels, tensors); },
  };
}

}  // namespace network
