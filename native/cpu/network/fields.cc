#include <algorithm>
#include <cmath>

#include "operator.h"

namespace network {
namespace {

/** Above what any kernel, stride or axis is, and far below where their products overflow. */
constexpr double largest_size = 1 << 24;

}  // namespace

const Field* Fields::find(const std::string& field) {
  asked_for_.insert(field);
  const auto found = description_.fields.find(field);
  return found == description_.fields.end() ? nullptr : &found->second;
}

void Fields::fail(const std::string& message) const { throw NetworkError(description_.type + ": " + message); }

std::optional<std::string> Fields::optional_name(const std::string& field) {
  const Field* found = find(field);
  if (found == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string>(found);
  if (text == nullptr || text->empty()) fail(field + " is no name");
  return *text;
}

std::string Fields::name(const std::string& field) {
  auto found = optional_name(field);
  if (!found) fail(field + " is missing");
  return *found;
}

std::vector<std::string> Fields::names(const std::string& field) {
  const Field* found = find(field);
  const auto* texts = found == nullptr ? nullptr : std::get_if<std::vector<std::string>>(found);
  if (texts == nullptr || texts->empty()) fail(field + " is no list of names");
  return *texts;
}

std::string Fields::choice(const std::string& field, std::initializer_list<const char*> choices) {
  const auto found = optional_name(field);
  if (!found) return *choices.begin();
  if (std::find(choices.begin(), choices.end(), *found) == choices.end()) fail(field + " cannot be " + *found);
  return *found;
}

const WeightTensor* Fields::optional_weight(const std::string& field) {
  const auto name = optional_name(field);
  if (!name) return nullptr;
  const auto found = weights_.find(*name);
  if (found == weights_.end()) fail("there is no weight " + *name);
  used_weights_.insert(*name);
  return &found->second;
}

const WeightTensor& Fields::weight(const std::string& field) {
  const WeightTensor* found = optional_weight(field);
  if (found == nullptr) fail(field + " is missing");
  return *found;
}

const WeightTensor& Fields::channel_weight(const std::string& field, size_t size) {
  const WeightTensor& found = weight(field);
  if (found.shape != Shape{size}) fail(field + " is " + text_of(found.shape) + ", not " + text_of(Shape{size}));
  return found;
}

std::vector<size_t> Fields::sizes(const std::string& field) {
  const Field* found = find(field);
  if (found == nullptr) fail(field + " is missing");
  std::vector<double> numbers;
  if (const auto* one = std::get_if<double>(found)) numbers = {*one};
  if (const auto* several = std::get_if<std::vector<double>>(found)) numbers = *several;
  if (numbers.empty()) fail(field + " is no size");
  std::vector<size_t> sizes;
  for (const double number : numbers) {
    if (!(number >= 0 && number <= largest_size && number == std::floor(number))) fail(field + " is no size");
    sizes.push_back(static_cast<size_t>(number));
  }
  return sizes;
}

std::vector<size_t> Fields::sizes(const std::string& field, size_t count, size_t otherwise) {
  if (find(field) == nullptr) return std::vector<size_t>(count, otherwise);
  std::vector<size_t> found = sizes(field);
  if (found.size() == 1) found.assign(count, found.front());
  if (found.size() != count) fail(field + " has " + std::to_string(found.size()) + " sizes, not " + std::to_string(count));
  return found;
}

size_t Fields::size(const std::string& field) {
  const auto found = sizes(field);
  if (found.size() != 1) fail(field + " is not one size");
  return found.front();
}

size_t Fields::size(const std::string& field, size_t otherwise) {
  return find(field) == nullptr ? otherwise : size(field);
}

float Fields::number(const std::string& field, float otherwise) {
  const Field* found = find(field);
  if (found == nullptr) return otherwise;
  const auto* value = std::get_if<double>(found);
  if (value == nullptr || !std::isfinite(static_cast<float>(*value))) fail(field + " is no number");
  return static_cast<float>(*value);
}

void Fields::expect_no_others() const {
  for (const auto& [field, value] : description_.fields)
    if (!asked_for_.contains(field)) fail("nothing is known of the field " + field);
}

}  // namespace network
