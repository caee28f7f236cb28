#include <algorithm>
#include <memory>

#include "../packed_weights.h"
#include "operators.h"

namespace network {
namespace {

/** One direction of a layer. */
struct Direction {
  bool is_reverse;
  PackedWeights input;
  PackedWeights recurrence;
};

struct Lstm {
  size_t in;
  size_t size;
  std::vector<Direction> directions;
  bool has_hidden;
  bool has_cell;
  bool gives_hidden;
  bool gives_cell;

  size_t gates() const { return 4 * size; }
};

/** What one direction works on: [batch, ...] rows that lie apart as in the whole tensors. */
struct Sequence {
  size_t batch;
  size_t length;
  /** [batch, length, in] */
  const float* x;
  /** [batch, length, ...] from which every row of this direction begins, `y_stride` apart */
  float* y;
  size_t y_stride;
  /** scratch [batch, length, gates] */
  float* gates;
  /** [batch, size], the state before the first step */
  const float* hidden;
  /** [batch, size], becomes the state after the last step */
  float* cell;
};

/** The products with the input of all steps at once, then step by step those with the state before. */
void compute_direction(const Lstm& lstm, const Direction& direction, const Kernels& kernels, const Sequence& sequence) {
  const auto& [batch, length, x, y, y_stride, gates, hidden, cell] = sequence;
  const size_t segment = 0;
  kernels.product({
      .x = x,
      .grid = {.height = 1, .width = batch * length, .batch_stride = 0, .height_stride = 0, .width_stride = lstm.in},
      .rows = batch * length,
      .segments = &segment,
      .segment_count = 1,
      .segment_length = lstm.in,
      .weights = direction.input.weights.as<float>(),
      .bias = direction.input.bias.data(),
      .out = gates,
      .out_stride = lstm.gates(),
      .outputs = lstm.gates(),
  });
  for (size_t done = 0; done < length; ++done) {
    const size_t step = direction.is_reverse ? length - 1 - done : done;
    const size_t step_before = direction.is_reverse ? step + 1 : step - 1;
    kernels.product({
        .x = done == 0 ? hidden : y + step_before * y_stride,
        .grid = {.height = 1,
                 .width = batch,
                 .batch_stride = 0,
                 .height_stride = 0,
                 .width_stride = done == 0 ? lstm.size : length * y_stride},
        .rows = batch,
        .segments = &segment,
        .segment_count = 1,
        .segment_length = lstm.size,
        .weights = direction.recurrence.weights.as<float>(),
        .bias = nullptr,
        .out = gates + step * lstm.gates(),
        .out_stride = length * lstm.gates(),
        .outputs = lstm.gates(),
    });
    for (size_t n = 0; n < batch; ++n) {
      const size_t row = n * length + step;
      kernels.lstm_gates(gates + row * lstm.gates(), cell + n * lstm.size, y + row * y_stride, lstm.size);
    }
  }
}

void compute(const Lstm& lstm, const Kernels& kernels, const Tensors& tensors) {
  const Shape& x = tensors.inputs[0].shape;
  const size_t batch = x[0];
  const size_t length = x[1];
  const size_t y_stride = lstm.directions.size() * lstm.size;
  const size_t state = batch * lstm.size;
  float* const zeros = tensors.scratch;
  float* const cells = zeros + state;
  float* const gates = cells + state;
  for (size_t d = 0; d < lstm.directions.size(); ++d) {
    const float* hidden = lstm.has_hidden ? tensors.inputs[1].data + d * state : zeros;
    const float* cell = lstm.has_cell ? tensors.inputs[lstm.has_hidden ? 2 : 1].data + d * state : zeros;
    std::fill_n(zeros, state, 0.0F);
    std::copy_n(cell, state, cells);
    float* y = tensors.outputs[0].data + d * lstm.size;
    const Direction& direction = lstm.directions[d];
    compute_direction(lstm, direction, kernels,
                      {.batch = batch,
                       .length = length,
                       .x = tensors.inputs[0].data,
                       .y = y,
                       .y_stride = y_stride,
                       .gates = gates,
                       .hidden = hidden,
                       .cell = cells});
    size_t output = 1;
    if (lstm.gives_hidden) {
      float* after = tensors.outputs[output++].data + d * state;
      const size_t last = direction.is_reverse ? 0 : length - 1;
      for (size_t n = 0; n < batch; ++n)
        std::copy_n(y + (n * length + last) * y_stride, lstm.size, after + n * lstm.size);
    }
    if (lstm.gives_cell) std::copy_n(cells, state, tensors.outputs[output].data + d * state);
  }
}

Layout layout(const Lstm& lstm, std::span<const Shape> inputs) {
  const Shape& x = inputs[0];
  if (x.size() != 3 || x[2] != lstm.in)
    throw NetworkError("lstm: x is " + text_of(x) + ", not [batch, length, " + std::to_string(lstm.in) + "]");
  const size_t directions = lstm.directions.size();
  const Shape state{directions, x[0], lstm.size};
  for (const Shape& given : inputs.subspan(1))
    if (given != state) throw NetworkError("lstm: a state is " + text_of(given) + ", not " + text_of(state));
  Layout layout{{{x[0], x[1], directions * lstm.size}},
                2 * multiply_sizes({x[0], lstm.size}) + multiply_sizes({x[0], x[1], lstm.gates()})};
  if (lstm.gives_hidden) layout.outputs.push_back(state);
  if (lstm.gives_cell) layout.outputs.push_back(state);
  return layout;
}

}  // namespace

Operator lstm(Fields& fields, const Kernels& kernels) {
  const WeightTensor& weight = fields.weight("weight");
  const WeightTensor& recurrence = fields.weight("recurrence");
  const WeightTensor* bias = fields.optional_weight("bias");
  const std::string direction = fields.choice("direction", {"forward", "reverse", "bidirectional"});
  const size_t directions = direction == "bidirectional" ? 2 : 1;
  if (recurrence.shape.size() != 3 || recurrence.values.empty())
    fields.fail("the recurrence is " + text_of(recurrence.shape));
  const size_t size = recurrence.shape[2];
  const size_t gates = 4 * size;
  if (recurrence.shape != Shape{directions, gates, size}) fields.fail("the recurrence is " + text_of(recurrence.shape));
  if (weight.shape.size() != 3 || weight.values.empty() || weight.shape[0] != directions || weight.shape[1] != gates)
    fields.fail("the weight is " + text_of(weight.shape) + " beside a recurrence of " + text_of(recurrence.shape));
  if (bias != nullptr && bias->shape != Shape{directions, 2 * gates}) fields.fail("the bias is " + text_of(bias->shape));

  Operator result;
  result.inputs = {fields.name("x")};
  result.outputs = {fields.name("y")};
  const auto add_to = [](std::vector<std::string>& names, const std::optional<std::string>& name) {
    if (name) names.push_back(*name);
    return name.has_value();
  };
  const size_t in = weight.shape[2];
  const auto lstm = std::make_shared<Lstm>(Lstm{
      .in = in,
      .size = size,
      .directions = {},
      .has_hidden = add_to(result.inputs, fields.optional_name("hidden")),
      .has_cell = add_to(result.inputs, fields.optional_name("cell")),
      .gives_hidden = add_to(result.outputs, fields.optional_name("hiddenAfter")),
      .gives_cell = add_to(result.outputs, fields.optional_name("cellAfter")),
  });
  for (size_t d = 0; d < directions; ++d) {
    // ONNX has a bias of the input and one of the recurrence, which only ever come as their sum.
    std::vector<float> sum(gates);
    for (size_t i = 0; i < gates && bias != nullptr; ++i)
      sum[i] = bias->values[d * 2 * gates + i] + bias->values[d * 2 * gates + gates + i];
    lstm->directions.push_back({
        .is_reverse = direction == "reverse" || d == 1,
        .input = pack_weights(gates, in, sum.data(),
                              [&](size_t output, size_t k) { return weight.values[(d * gates + output) * in + k]; }),
        .recurrence = pack_weights(
            gates, size, nullptr,
            [&](size_t output, size_t k) { return recurrence.values[(d * gates + output) * size + k]; }),
    });
  }
  result.layout = [lstm](std::span<const Shape> inputs) { return layout(*lstm, inputs); };
  result.compute = [lstm, &kernels](const Tensors& tensors) { compute(*lstm, kernels, tensors); };
  return result;
}

}  // namespace network
