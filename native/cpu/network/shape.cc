#include "shape.h"

namespace network {
namespace {

/** 16 GiB of f32: far above what any network takes, and far below where sums of sizes overflow. */
constexpr size_t largest_count = size_t{1} << 32;

}  // namespace

std::string text_of(std::span<const size_t> sizes) {
  std::string text;
  for (const size_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

size_t multiply_sizes(std::initializer_list<size_t> sizes) { return element_count({sizes.begin(), sizes.size()}); }

size_t element_count(std::span<const size_t> sizes) {
  size_t count = 1;
  for (const size_t size : sizes) {
    if (size == 0) return 0;
  }
  for (const size_t size : sizes) {
    if (size > largest_count / count) throw NetworkError(text_of(sizes) + " is larger than a tensor may be");
    count *= size;
  }
  return count;
}

}  // namespace network
