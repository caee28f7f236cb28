// Tests of native/cpu/network without Node, for the sanitizers: every operator, and descriptions that are wrong anywhere.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "expect.h"
#include "levels.h"
#include "network/memory_plan.h"
#include "network/network.h"

namespace {

using namespace network;

using Random = std::mt19937;

size_t below(Random& random, size_t limit) { return random() % limit; }

std::vector<float> random_values(Random& random, size_t count) {
  std::uniform_real_distribution<float> distribution(-0.5F, 0.5F);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

using Fields = std::map<std::string, Field>;
using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

/** A network in which every operator is, on sequences of 3 channels and images of 2. */
Description all_operators(Random& random) {
  Description description;
  description.inputs = {{"sequence", {{1, true}, {8, true}, {3, false}}},
                        {"image", {{1, false}, {5, true}, {6, true}, {2, false}}},
                        {"hidden", {{2, false}, {1, true}, {5, false}}}};
  const auto weight = [&](const std::string& name, const Shape& shape) {
    description.weights[name] = {shape, random_values(random, element_count(shape))};
  };
  const auto add = [&](const std::string& type, const Fields& fields) { description.operators.push_back({type, fields}); };
  weight("conv.weight", {17, 3, 3});
  weight("conv.bias", {17});
  add("convolution", {{"x", "sequence"}, {"weight", "conv.weight"}, {"bias", "conv.bias"}, {"padding", 2.0},
                      {"dilation", 2.0}, {"y", "convolved"}});
  weight("image.weight", {4, 1, 3, 2});
  add("convolution", {{"x", "image"}, {"weight", "image.weight"}, {"stride", Numbers{2, 1}}, {"padding", 1.0},
                      {"groups", 2.0}, {"y", "image1"}});
  add("maxPool", {{"x", "image1"}, {"kernel", Numbers{2, 3}}, {"stride", Numbers{1, 2}}, {"rounding", "up"}, {"y", "image2"}});
  add("statisticsPool", {{"x", "image2"}, {"divisor", "countLessOne"}, {"y", "statistics"}});
  for (const char* name : {"scale", "shift", "mean", "variance"}) weight(name, {17});
  for (float& value : description.weights["variance"].values) value += 1.0F;
  add("batchNorm", {{"x", "convolved"}, {"scale", "scale"}, {"shift", "shift"}, {"mean", "mean"},
                    {"variance", "variance"}, {"y", "normed"}});
  add("instanceNorm", {{"x", "normed"}, {"scale", "scale"}, {"shift", "shift"}, {"y", "normed2"}});
  add("layerNorm", {{"x", "normed2"}, {"scale", "scale"}, {"shift", "shift"}, {"epsilon", 0.001}, {"y", "normed3"}});
  add("relu", {{"x", "normed3"}, {"y", "a1"}});
  add("leakyRelu", {{"x", "normed3"}, {"alpha", 0.1}, {"y", "a2"}});
  add("sigmoid", {{"x", "normed3"}, {"y", "a3"}});
  add("tanh", {{"x", "normed3"}, {"y", "a4"}});
  add("absolute", {{"x", "a4"}, {"y", "a5"}});
  add("square", {{"x", "a5"}, {"y", "a6"}});
  add("squareRoot", {{"x", "a6"}, {"y", "a7"}});
  add("concat", {{"xs", Names{"a1", "a2", "a3", "a7"}}, {"axis", 2.0}, {"y", "joined"}});
  add("mean", {{"x", "joined"}, {"y", "mean"}});
  add("add", {{"a", "joined"}, {"b", "mean"}, {"y", "sum"}});
  add("multiply", {{"a", "sum"}, {"b", "joined"}, {"y", "gated"}});
  add("averagePool", {{"x", "gated"}, {"kernel", 3.0}, {"padding", 1.0}, {"rounding", "up"}, {"y", "pooled"}});
  weight("lstm.weight", {2, 20, 68});
  weight("lstm.recurrence", {2, 20, 5});
  weight("lstm.bias", {2, 40});
  add("lstm", {{"x", "pooled"}, {"weight", "lstm.weight"}, {"recurrence", "lstm.recurrence"}, {"bias", "lstm.bias"},
               {"direction", "bidirectional"}, {"hidden", "hidden"}, {"y", "states"}, {"cellAfter", "cell"}});
  add("pad", {{"x", "states"}, {"axis", 1.0}, {"before", 2.0}, {"after", 1.0}, {"mode", "reflect"}, {"y", "padded"}});
  add("slice", {{"x", "padded"}, {"axis", 2.0}, {"begin", 1.0}, {"end", 9.0}, {"y", "part"}});
  add("transpose", {{"x", "part"}, {"order", Numbers{0, 2, 1}}, {"y", "turned"}});
  add("reshape", {{"x", "turned"}, {"shape", Numbers{0, 8}}, {"y", "rows"}});
  weight("linear.weight", {6, 8});
  add("linear", {{"x", "rows"}, {"weight", "linear.weight"}, {"y", "logits"}});
  add("softmax", {{"x", "logits"}, {"y", "shares"}});
  add("logSoftmax", {{"x", "logits"}, {"y", "logs"}});
  description.outputs = {"logs", "shares", "cell", "statistics"};
  return description;
}

struct Run {
  std::vector<Shape> shapes;
  std::vector<std::vector<float>> values;
};

/** @param inputs arrays of exactly the shapes' sizes, so that the address sanitizer sees what is read beside them */
Run run(Network& network, const std::vector<Shape>& shapes, Random& random) {
  Run result{network.prepare(shapes), {}};
  std::vector<std::vector<float>> inputs;
  std::vector<const float*> from;
  std::vector<float*> to;
  for (const Shape& shape : shapes) {
    inputs.push_back(random_values(random, element_count(shape)));
    from.push_back(inputs.back().data());
  }
  for (const Shape& shape : result.shapes) {
    result.values.emplace_back(element_count(shape), NAN);
    to.push_back(result.values.back().data());
  }
  network.run(from, to);
  return result;
}

std::vector<Shape> shapes_of(size_t batch, size_t length) {
  return {{batch, length, 3}, {1, length, length + 1, 2}, {2, batch, 5}};
}

float largest_difference(const std::vector<float>& one, const std::vector<float>& other) {
  EXPECT(one.size() == other.size());
  float largest = 0.0F;
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT(std::isfinite(one[i]) && std::isfinite(other[i]));
    largest = std::max(largest, std::abs(one[i] - other[i]));
  }
  return largest;
}

void all_levels_agree() {
  Random random(1);
  const Description description = all_operators(random);
  Network plain(description, supported_levels().front().network_kernels);
  for (const Level& level : supported_levels()) {
    Network other(description, level.network_kernels);
    for (const auto& [batch, length] : {std::pair{1, 8}, {2, 9}, {3, 31}, {1, 8}}) {
      Random same(batch);
      Random again(batch);
      const Run one = run(plain, shapes_of(batch, length), same);
      const Run two = run(other, shapes_of(batch, length), again);
      EXPECT(one.shapes == two.shapes);
      for (size_t i = 0; i < one.values.size(); ++i) EXPECT(largest_difference(one.values[i], two.values[i]) < 2e-5F);
    }
  }
}

/** With each tensor in memory of its own, where the address sanitizer watches its edges. */
void sharing_memory_changes_nothing() {
  Random random(2);
  Description description = all_operators(random);
  Network sharing(description, supported_levels().back().network_kernels);
  const size_t count = description.outputs.size();
  for (const OperatorDescription& from : description.operators) {
    const auto name = std::get<std::string>(from.fields.at("y"));
    if (std::find(description.outputs.begin(), description.outputs.end(), name) == description.outputs.end())
      description.outputs.push_back(name);
  }
  Network apart(description, supported_levels().back().network_kernels);
  for (const size_t length : {8, 13, 40}) {
    Random same(length);
    Random again(length);
    const Run one = run(sharing, shapes_of(2, length), same);
    const Run two = run(apart, shapes_of(2, length), again);
    for (size_t i = 0; i < count; ++i) EXPECT(one.values[i] == two.values[i]);
  }
}

void what_lives_together_lies_apart() {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes;
    size_t first = 0;
    for (size_t i = 0; i < 20; ++i) {
      first += below(random, 2);
      lifetimes.push_back({below(random, 100), first, first + below(random, 6)});
    }
    const MemoryPlan plan = plan_memory(lifetimes);
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      const Lifetime& one = lifetimes[i];
      EXPECT(plan.offsets[i] + one.count <= plan.count);
      for (size_t j = 0; j < i; ++j) {
        const Lifetime& other = lifetimes[j];
        const bool is_apart = plan.offsets[i] >= plan.offsets[j] + other.count ||
                              plan.offsets[j] >= plan.offsets[i] + one.count;
        EXPECT(is_apart || one.first > other.last || other.first > one.last);
      }
    }
  }
}

/** Changes something; what comes of it may be right, too. Sizes stay small or are far too large. */
void damage(Description& description, Random& random) {
  static constexpr double numbers[]{0, 1, 2, 3, 4, 7, 17, 60, -1, 0.5, 1e9, 1e300, NAN};
  const auto number = [&] { return numbers[below(random, std::size(numbers))]; };
  const auto any_name = [&]() -> std::string {
    const auto& fields = description.operators[below(random, description.operators.size())].fields;
    for (const auto& [field, value] : fields)
      if (const auto* name = std::get_if<std::string>(&value); name != nullptr && below(random, 2) == 0) return *name;
    return "nothing";
  };
  OperatorDescription& chosen = description.operators[below(random, description.operators.size())];
  auto field = chosen.fields.begin();
  std::advance(field, below(random, chosen.fields.size()));
  auto weight = description.weights.begin();
  std::advance(weight, below(random, description.weights.size()));
  switch (below(random, 10)) {
    case 0: chosen.fields.erase(field); break;
    case 1: field->second = number(); break;
    case 2: field->second = Numbers{number(), number()}; break;
    case 3: field->second = any_name(); break;
    case 4: field->second = Names{any_name(), any_name()}; break;
    case 5: chosen.type = description.operators[below(random, description.operators.size())].type; break;
    case 6: weight->second.shape[below(random, weight->second.shape.size())] = below(random, 20); break;
    case 7:
      weight->second.shape[0] = below(random, 20);
      weight->second.values.resize(element_count(weight->second.shape), 0.25F);
      break;
    case 8: std::swap(chosen, description.operators[below(random, description.operators.size())]); break;
    default: {
      auto& sizes = description.inputs[below(random, description.inputs.size())].sizes;
      sizes[below(random, sizes.size())].size = below(random, 20);
    }
  }
}

void damaged_descriptions_are_refused_or_run() {
  Random random(4);
  size_t refused = 0;
  size_t ran = 0;
  for (int round = 0; round < 3000; ++round) {
    Description description = all_operators(random);
    for (size_t i = 0; i <= below(random, 2); ++i) damage(description, random);
    try {
      Network network(description, supported_levels().back().network_kernels);
      std::vector<Shape> shapes;
      for (const InputDescription& input : network.inputs()) {
        Shape& shape = shapes.emplace_back();
        for (const InputSize& size : input.sizes) shape.push_back(size.size + (size.is_least ? below(random, 4) : 0));
      }
      run(network, shapes, random);
      ++ran;
    } catch (const NetworkError&) {
      ++refused;
    }
  }
  std::cout << "     " << refused << " descriptions refused, " << ran << " run" << std::endl;
  EXPECT(refused > 1000 && ran > 10);
}

template <typename Change>
void expect_refused(const std::string& message, Change change) {
  Random random(5);
  Description description = all_operators(random);
  change(description);
  try {
    Network{description, supported_levels().front().network_kernels};
  } catch (const NetworkError& error) {
    if (std::string(error.what()).find(message) != std::string::npos) return;
    throw std::logic_error("another reason: " + std::string(error.what()));
  }
  throw std::logic_error("not refused: " + message);
}

void refusals_say_why() {
  expect_refused("[17, 3, 2] and has 153 values", [](Description& d) { d.weights["conv.weight"].shape[2] = 2; });
  expect_refused("conv.bias has values that are no numbers", [](Description& d) { d.weights["conv.bias"].values[3] = NAN; });
  expect_refused("there is no weight conv.bias", [](Description& d) { d.weights.erase("conv.bias"); });
  expect_refused("no operator uses the weight more", [](Description& d) { d.weights["more"] = {{1}, {0.0F}}; });
  expect_refused("there is no operator guess", [](Description& d) { d.operators[0].type = "guess"; });
  expect_refused("nothing is known of the field alpha", [](Description& d) { d.operators[0].fields["alpha"] = 1.0; });
  expect_refused("stride is no size", [](Description& d) { d.operators[0].fields["stride"] = -1.0; });
  expect_refused("a stride or dilation is 0", [](Description& d) { d.operators[0].fields["stride"] = 0.0; });
  expect_refused("there is no tensor later yet", [](Description& d) { d.operators[0].fields["x"] = "later"; });
  expect_refused("there are two tensors sequence", [](Description& d) { d.operators[0].fields["y"] = "sequence"; });
  expect_refused("there is no tensor nowhere", [](Description& d) { d.outputs.push_back("nowhere"); });
  expect_refused("the output image is an input", [](Description& d) { d.outputs.push_back("image"); });
  expect_refused("at convolved: convolution: x has 4 channels, not 3", [](Description& d) { d.inputs[0].sizes[2].size = 4; });
  expect_refused("at convolved: a kernel over 5 does not fit into 4", [](Description& d) {
    d.inputs[0].sizes[1].size = 2;
    d.operators[0].fields["padding"] = 1.0;
  });
  expect_refused("larger than a tensor may be", [](Description& d) { d.inputs[0].sizes[0].size = size_t{1} << 40; });
}

void shapes_that_do_not_fit_change_nothing() {
  Random random(6);
  Network network(all_operators(random), supported_levels().back().network_kernels);
  Random same(7);
  const Run before = run(network, shapes_of(2, 9), same);
  auto wrong = shapes_of(2, 9);
  wrong[2][1] = 3;
  for (const auto& shapes : {wrong, shapes_of(2, 7), std::vector<Shape>{}, shapes_of(size_t{1} << 30, 9)}) {
    try {
      network.prepare(shapes);
      EXPECT(false);
    } catch (const NetworkError&) {
    }
  }
  Random again(7);
  EXPECT(run(network, shapes_of(2, 9), again).values == before.values);
}

}  // namespace

int main() {
  int failed = 0;
  const auto run_test = [&](const std::string& name, const auto& test) {
    try {
      test();
      std::cout << "ok   " << name << std::endl;
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL " << name << ": " << error.what() << std::endl;
    }
  };
#define TEST(function) run_test(#function, function)
  TEST(all_levels_agree);
  TEST(sharing_memory_changes_nothing);
  TEST(what_lives_together_lies_apart);
  TEST(damaged_descriptions_are_refused_or_run);
  TEST(refusals_say_why);
  TEST(shapes_that_do_not_fit_change_nothing);
  return failed == 0 ? 0 : 1;
}
