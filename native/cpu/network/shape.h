// Sizes of tensors, outermost first. Sequences are [batch, length, channels] and images [batch, height, width, channels]:
// channels last, so that convolutions read stretches of memory and everything else goes along them.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace network {

using Shape = std::vector<size_t>;

/** A description, a weight or an input that does not fit. */
class NetworkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/** Such as "[2, 3]". */
std::string text_of(std::span<const size_t> sizes);

/** @throws NetworkError where the product is larger than a tensor may be */
size_t multiply_sizes(std::initializer_list<size_t> sizes);

/** @throws NetworkError where there are more elements than a tensor may have */
size_t element_count(std::span<const size_t> sizes);

}  // namespace network
