#include "network.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

namespace network {
namespace {

constexpr size_t most_axes = 8;

void check_weights(const std::map<std::string, WeightTensor>& weights) {
  for (const auto& [name, weight] : weights) {
    if (weight.shape.size() > most_axes || element_count(weight.shape) != weight.values.size()) {
      throw NetworkError("the weight " + name + " is " + text_of(weight.shape) + " and has " +
                         std::to_string(weight.values.size()) + " values");
    }
    if (!std::all_of(weight.values.begin(), weight.values.end(), [](float value) { return std::isfinite(value); }))
      throw NetworkError("the weight " + name + " has values that are no numbers");
  }
}

/** Tensors by name: each is written once, and before it is read. */
class TensorNumbers {
 public:
  size_t define(const std::string& name) {
    const auto [entry, is_new] = numbers_.emplace(name, numbers_.size());
    if (!is_new) throw NetworkError("there are two tensors " + name);
    return entry->second;
  }
  size_t find(const std::string& name) const {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) throw NetworkError("there is no tensor " + name + " yet where it is read");
    return found->second;
  }
  size_t count() const { return numbers_.size(); }

 private:
  std::map<std::string, size_t> numbers_;
};

void check_inputs(const std::vector<InputDescription>& inputs) {
  for (const auto& [name, sizes] : inputs) {
    if (sizes.empty() || sizes.size() > most_axes) throw NetworkError("the input " + name + " has no proper shape");
    for (const InputSize& size : sizes)
      if (size.size == 0) throw NetworkError("the input " + name + " has a size of 0");
  }
}

/** What went wrong, and at which operator. */
[[noreturn]] void fail_at(const std::vector<std::string>& outputs, const NetworkError& error) {
  throw NetworkError("at " + outputs.front() + ": " + error.what());
}

}  // namespace

Network::Network(const Description& description, const Kernels& kernels)
    : inputs_(description.inputs), outputs_(description.outputs) {
  check_weights(description.weights);
  check_inputs(inputs_);
  TensorNumbers numbers;
  for (const InputDescription& input : inputs_) numbers.define(input.name);
  std::set<std::string> used_weights;
  for (const OperatorDescription& from : description.operators) {
    Fields fields(from, description.weights, used_weights);
    Node node{make_operator(from.type, fields, kernels), {}, {}};
    fields.expect_no_others();
    for (const std::string& name : node.op.inputs) node.inputs.push_back(numbers.find(name));
    for (const std::string& name : node.op.outputs) node.outputs.push_back(numbers.define(name));
    nodes_.push_back(std::move(node));
  }
  tensor_count_ = numbers.count();
  for (const std::string& name : outputs_) {
    const size_t tensor = numbers.find(name);
    if (tensor < inputs_.size()) throw NetworkError("the output " + name + " is an input");
    if (std::find(output_tensors_.begin(), output_tensors_.end(), tensor) != output_tensors_.end())
      throw NetworkError("there are two outputs " + name);
    output_tensors_.push_back(tensor);
  }
  if (outputs_.empty()) throw NetworkError("there are no outputs");
  for (const auto& [name, weight] : description.weights)
    if (!used_weights.contains(name)) throw NetworkError("no operator uses the weight " + name);

  std::vector<Shape> smallest;
  for (const InputDescription& input : inputs_) {
    Shape& shape = smallest.emplace_back();
    for (const InputSize& size : input.sizes) shape.push_back(size.size);
  }
  plan(smallest);
}

Network::Plan Network::plan(const std::vector<Shape>& input_shapes) const {
  Plan plan;
  plan.input_shapes = input_shapes;
  plan.shapes = input_shapes;
  plan.shapes.resize(tensor_count_);
  std::vector<size_t> scratch_counts;
  for (const Node& node : nodes_) {
    std::vector<Shape> shapes;
    for (const size_t tensor : node.inputs) shapes.push_back(plan.shapes[tensor]);
    try {
      const Layout layout = node.op.layout(shapes);
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        const Shape& shape = layout.outputs[i];
        if (shape.size() > most_axes || element_count(shape) == 0) throw NetworkError(text_of(shape) + " is no shape");
        plan.shapes[node.outputs[i]] = shape;
      }
      scratch_counts.push_back(layout.scratch_count);
    } catch (const NetworkError& error) {
      fail_at(node.op.outputs, error);
    }
  }
  assign_memory(plan, scratch_counts);
  return plan;
}

void Network::assign_memory(Plan& plan, const std::vector<size_t>& scratch_counts) const {
  std::vector<size_t> last_use(tensor_count_, 0);
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (const auto* tensors : {&nodes_[i].inputs, &nodes_[i].outputs})
      for (const size_t tensor : *tensors) last_use[tensor] = i;

  plan.locations.resize(tensor_count_);
  for (size_t i = 0; i < inputs_.size(); ++i) plan.locations[i] = {Owner::input, i};
  for (size_t i = 0; i < output_tensors_.size(); ++i) plan.locations[output_tensors_[i]] = {Owner::output, i};

  std::vector<Lifetime> lifetimes;
  std::vector<size_t*> offsets;
  plan.scratch.resize(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    lifetimes.push_back({scratch_counts[i], i, i});
    offsets.push_back(&plan.scratch[i]);
    for (const size_t tensor : nodes_[i].outputs) {
      if (plan.locations[tensor].owner != Owner::arena) continue;
      lifetimes.push_back({element_count(plan.shapes[tensor]), i, last_use[tensor]});
      offsets.push_back(&plan.locations[tensor].position);
    }
  }
  const MemoryPlan memory = plan_memory(lifetimes);
  for (size_t i = 0; i < offsets.size(); ++i) *offsets[i] = memory.offsets[i];
  plan.arena_count = memory.count;
}

std::vector<Shape> Network::output_shapes() const {
  std::vector<Shape> shapes;
  for (const size_t tensor : output_tensors_) shapes.push_back(plan_.shapes[tensor]);
  return shapes;
}

std::vector<Shape> Network::prepare(const std::vector<Shape>& shapes) {
  if (!shapes.empty() && shapes == plan_.input_shapes) return output_shapes();
  if (shapes.size() != inputs_.size()) throw NetworkError("there are " + std::to_string(inputs_.size()) + " inputs");
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto& [name, sizes] = inputs_[i];
    bool fits = shapes[i].size() == sizes.size();
    for (size_t axis = 0; fits && axis < sizes.size(); ++axis)
      fits = sizes[axis].is_least ? shapes[i][axis] >= sizes[axis].size : shapes[i][axis] == sizes[axis].size;
    if (!fits) throw NetworkError("the input " + name + " cannot be " + text_of(shapes[i]));
    element_count(shapes[i]);  // throws where it is too large
  }
  Plan next = plan(shapes);
  if (next.arena_count > arena_count_) {
    arena_ = MemoryBlock(next.arena_count * sizeof(float));
    arena_count_ = next.arena_count;
  }
  plan_ = std::move(next);
  return output_shapes();
}

void Network::run(std::span<const float* const> inputs, std::span<float* const> outputs) {
  auto* arena = arena_.as<float>();
  // Whoever writes a tensor is asked for the outputs, whoever reads it for either; an input is never written.
  const auto writable = [&](size_t tensor) {
    const Location& location = plan_.locations[tensor];
    return location.owner == Owner::output ? outputs[location.position] : arena + location.position;
  };
  const auto readable = [&](size_t tensor) -> const float* {
    const Location& location = plan_.locations[tensor];
    return location.owner == Owner::input ? inputs[location.position] : writable(tensor);
  };
  std::vector<Input> from;
  std::vector<Output> to;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    from.clear();
    to.clear();
    for (const size_t tensor : nodes_[i].inputs) from.push_back({readable(tensor), plan_.shapes[tensor]});
    for (const size_t tensor : nodes_[i].outputs) to.push_back({writable(tensor), plan_.shapes[tensor]});
    nodes_[i].op.compute({from, to, arena + plan_.scratch[i]});
  }
}

}  // namespace network
