#include "text_cache.h"

#include <algorithm>
#include <cstring>

TextCache::TextCache(const Dimensions& dimensions)
    : parts_(2 * dimensions.n_text_layer),
      state_(dimensions.n_text_state),
      capacity_(dimensions.n_text_ctx),
      memory_(parts_ * capacity_ * state_ * sizeof(float)) {}

void TextCache::reserve(size_t rows) {
  if (rows > capacity_) grow(rows);
  rows_ = std::max(rows_, rows);
}

void TextCache::grow(size_t rows) {
  const size_t capacity = std::max(rows, 2 * capacity_);
  MemoryBlock grown(parts_ * capacity * state_ * sizeof(float));
  for (size_t index = 0; index < parts_; ++index)
    std::memcpy(grown.as<float>() + index * capacity * state_, part(index, 0), capacity_ * state_ * sizeof(float));
  memory_ = std::move(grown);
  capacity_ = capacity;
}
