#include "network_binding.h"

#include <cmath>
#include <span>

#include "js_values.h"
#include "levels.h"
#include "network/network.h"

using network::Network;
using network::NetworkError;

template <>
inline constexpr napi_type_tag tag_of<Network>{0x51c7e02a9b3f4d68, 0xa0e94f6d2b7c8135};

namespace {

/** Calls `visit(name, value)` for each property. */
template <typename Visit>
void for_properties(const Napi::Object& object, Visit visit) {
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names.Get(i);
    visit(name.As<Napi::String>().Utf8Value(), Napi::Value(object.Get(name)));
  }
}

Napi::Object object_of(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) throw NetworkError(std::string(what) + " is no object");
  return value.As<Napi::Object>();
}

Napi::Array array_of(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) throw NetworkError(std::string(what) + " is no list");
  return value.As<Napi::Array>();
}

std::string text_of(const Napi::Value& value, const char* what) {
  if (!value.IsString()) throw NetworkError(std::string(what) + " is no text");
  return value.As<Napi::String>();
}

size_t tensor_size_of(const Napi::Value& value) {
  const double size = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(size >= 0 && size <= std::pow(2, 32) && size == std::floor(size))) throw NetworkError("a size is no size");
  return static_cast<size_t>(size);
}

network::Shape shape_of(const Napi::Value& value) {
  const Napi::Array sizes = array_of(value, "a shape");
  network::Shape shape;
  for (uint32_t axis = 0; axis < sizes.Length(); ++axis) shape.push_back(tensor_size_of(sizes.Get(axis)));
  return shape;
}

std::vector<network::InputSize> input_sizes_of(const Napi::Value& value) {
  const Napi::Array sizes = array_of(value, "an input");
  std::vector<network::InputSize> all;
  for (uint32_t axis = 0; axis < sizes.Length(); ++axis) {
    const Napi::Value size = sizes.Get(axis);
    const bool is_least = size.IsObject();
    all.push_back({tensor_size_of(is_least ? Napi::Value(size.As<Napi::Object>().Get("atLeast")) : size), is_least});
  }
  return all;
}

network::Field field_of(const Napi::Value& value) {
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  const Napi::Array items = array_of(value, "a field of an operator");
  if (items.Length() > 0 && Napi::Value(items.Get(0U)).IsString()) {
    std::vector<std::string> names;
    for (uint32_t i = 0; i < items.Length(); ++i) names.push_back(text_of(items.Get(i), "a name"));
    return names;
  }
  std::vector<double> numbers;
  for (uint32_t i = 0; i < items.Length(); ++i) {
    const Napi::Value item = items.Get(i);
    if (!item.IsNumber()) throw NetworkError("a list of an operator has other things than numbers");
    numbers.push_back(item.As<Napi::Number>().DoubleValue());
  }
  return numbers;
}

/** A tensor of JavaScript's: { shape, values }. */
struct JsTensor {
  network::Shape shape;
  Napi::Value values;

  /** Asked for anew each time: Napi::Float32Array would keep pointing at memory that was taken away since. */
  std::span<const float> floats() const {
    const auto array = values.As<Napi::Float32Array>();
    return {array.Data(), array.ElementLength()};
  }
};

JsTensor tensor_of(const Napi::Value& value, const std::string& name) {
  const Napi::Object tensor = object_of(value, "a tensor");
  const Napi::Value values = tensor.Get("values");
  check_type(values, napi_float32_array, name.c_str());
  return {shape_of(tensor.Get("shape")), values};
}

network::Description description_of(const Napi::Object& from, const Napi::Object& weights) {
  network::Description description;
  for_properties(object_of(from.Get("inputs"), "the inputs"), [&](const std::string& name, const Napi::Value& sizes) {
    description.inputs.push_back({name, input_sizes_of(sizes)});
  });
  const Napi::Array operators = array_of(from.Get("operators"), "the operators");
  for (uint32_t i = 0; i < operators.Length(); ++i) {
    network::OperatorDescription& to = description.operators.emplace_back();
    for_properties(object_of(operators.Get(i), "an operator"), [&](const std::string& name, const Napi::Value& value) {
      if (name == "type") {
        to.type = text_of(value, "an operator's type");
      } else {
        to.fields.emplace(name, field_of(value));
      }
    });
  }
  const Napi::Array outputs = array_of(from.Get("outputs"), "the outputs");
  for (uint32_t i = 0; i < outputs.Length(); ++i) description.outputs.push_back(text_of(outputs.Get(i), "an output"));
  for_properties(weights, [&](const std::string& name, const Napi::Value& value) {
    const JsTensor tensor = tensor_of(value, name);
    const auto values = tensor.floats();
    description.weights.emplace(
        name, network::WeightTensor{tensor.shape, std::vector<float>(values.begin(), values.end())});
  });
  return description;
}

/** loadNetwork({ inputs, operators, outputs }, { [weight]: { shape, values } }, level) */
Napi::Value load_network(const Napi::CallbackInfo& info) {
  const auto description =
      description_of(object_of(info[0], "the description"), object_of(info[1], "what holds the weights"));
  return hold(info.Env(), std::make_unique<Network>(description, level_of_name(text_of(info[2], "the level")).network_kernels));
}

/** runNetwork(network, { [input]: { shape, values } }): { [output]: { shape, values } } */
Napi::Value run_network(const Napi::CallbackInfo& info) {
  const Napi::Object given = object_of(info[1], "what holds the inputs");
  // Reading a property may run anything, which could free the network or take an array's memory away. So this comes first,
  // with a copy of what is read of the network, and nothing is read between planning and running.
  const std::vector<network::InputDescription> wanted = held<Network>(info[0]).inputs();
  std::vector<JsTensor> tensors;
  std::vector<network::Shape> shapes;
  for (const auto& input : wanted) {
    tensors.push_back(tensor_of(given.Get(input.name), input.name));
    shapes.push_back(tensors.back().shape);
  }

  auto& network = held<Network>(info[0]);
  const std::vector<network::Shape> output_shapes = network.prepare(shapes);
  std::vector<const float*> inputs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto values = tensors[i].floats();
    if (values.size() != network::element_count(shapes[i])) {
      throw NetworkError("the input " + wanted[i].name + " has " + std::to_string(values.size()) + " values for " +
                         network::text_of(shapes[i]));
    }
    inputs.push_back(values.data());
  }
  std::vector<Napi::Float32Array> results;
  std::vector<float*> outputs;
  for (const network::Shape& shape : output_shapes) {
    results.push_back(Napi::Float32Array::New(info.Env(), network::element_count(shape)));
    outputs.push_back(results.back().Data());
  }
  network.run(inputs, outputs);

  const std::vector<std::string> names = network.outputs();
  auto named = Napi::Object::New(info.Env());
  for (size_t i = 0; i < names.size(); ++i) {
    auto sizes = Napi::Array::New(info.Env());
    for (const size_t size : output_shapes[i]) sizes.Set(sizes.Length(), static_cast<double>(size));
    auto result = Napi::Object::New(info.Env());
    result.Set("shape", sizes);
    result.Set("values", results[i]);
    named.Set(names[i], result);
  }
  return named;
}

/** freeNetwork(network): frees it at once; the garbage collector does not know how large it is, and would do so late */
void free_network(const Napi::CallbackInfo& info) { owner_of<Network>(info[0]).reset(); }

}  // namespace

void add_network_functions(Napi::Object exports) {
  add<load_network>(exports, "loadNetwork");
  add<run_network>(exports, "runNetwork");
  add<free_network>(exports, "freeNetwork");
}
