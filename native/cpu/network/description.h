// What a network is, in data: as src/backend/cpu/networks/description.ts has it.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "shape.h"

namespace network {

/** An input's size along one axis: a fixed one, or the least of those that it may have. */
struct InputSize {
  size_t size;
  bool is_least;
};

struct InputDescription {
  std::string name;
  std::vector<InputSize> sizes;
};

/** A field of an operator: numbers are attributes, texts are the names of tensors or of a variant. */
using Field = std::variant<double, std::vector<double>, std::string, std::vector<std::string>>;

struct OperatorDescription {
  std::string type;
  std::map<std::string, Field> fields;
};

struct WeightTensor {
  Shape shape;
  std::vector<float> values;
};

struct Description {
  std::vector<InputDescription> inputs;
  /** In the order in which they are computed. */
  std::vector<OperatorDescription> operators;
  /** The names of tensors that the network gives back. */
  std::vector<std::string> outputs;
  std::map<std::string, WeightTensor> weights;
};

}  // namespace network
