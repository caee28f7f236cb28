// One operator of a network, made from its description and its weights.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "description.h"
#include "kernels.h"

namespace network {

/** What an operator makes of inputs of some shapes. */
struct Layout {
  std::vector<Shape> outputs;
  /** f32 that it needs beside them while it computes */
  size_t scratch_count = 0;
};

struct Input {
  const float* data;
  const Shape& shape;
};

struct Output {
  float* data;
  const Shape& shape;
};

/** The tensors of one computation; `scratch` has as many f32 as the layout says. */
struct Tensors {
  std::span<const Input> inputs;
  std::span<const Output> outputs;
  float* scratch;
};

/** No tensor is empty. */
struct Operator {
  /** Tensors that it reads and writes, by name, in the order in which they come below. */
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  /** @throws NetworkError where it cannot work on these shapes */
  std::function<Layout(std::span<const Shape> inputs)> layout;
  /** On shapes that `layout` accepted. */
  std::function<void(const Tensors& tensors)> compute;
};

/** The fields of an operator's description, each of which has to be asked for. */
class Fields {
 public:
  Fields(const OperatorDescription& description, const std::map<std::string, WeightTensor>& weights,
         std::set<std::string>& used_weights)
      : description_(description), weights_(weights), used_weights_(used_weights) {}

  /** @throws NetworkError where it is missing or no name, as below */
  std::string name(const std::string& field);
  std::optional<std::string> optional_name(const std::string& field);
  std::vector<std::string> names(const std::string& field);
  /** One of `choices`; the first where the field is missing. */
  std::string choice(const std::string& field, std::initializer_list<const char*> choices);
  /** The weight that the field names. */
  const WeightTensor& weight(const std::string& field);
  const WeightTensor* optional_weight(const std::string& field);
  /** A weight of one size for each of `size` channels. */
  const WeightTensor& channel_weight(const std::string& field, size_t size);
  /** A whole number that is not negative. */
  size_t size(const std::string& field);
  size_t size(const std::string& field, size_t otherwise);
  /** For each of `count` axes; a single number is for all. */
  std::vector<size_t> sizes(const std::string& field, size_t count, size_t otherwise);
  /** As many as there are. */
  std::vector<size_t> sizes(const std::string& field);
  /** A finite number. */
  float number(const std::string& field, float otherwise);
  /** @throws NetworkError where there is a field that nobody asked for */
  void expect_no_others() const;
  [[noreturn]] void fail(const std::string& message) const;

 private:
  const Field* find(const std::string& field);

  const OperatorDescription& description_;
  const std::map<std::string, WeightTensor>& weights_;
  std::set<std::string>& used_weights_;
  std::set<std::string> asked_for_;
};

/** Makes an operator of any type. @throws NetworkError */
Operator make_operator(const std::string& type, Fields& fields, const Kernels& kernels);

}  // namespace network
