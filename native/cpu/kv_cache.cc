#include "kv_cache.h"

#include <algorithm>
#include <cstring>

KvCache::KvCache(const Dimensions& dimensions)
    : planes_(2 * dimensions.n_text_layer),
      state_(dimensions.n_text_state),
      capacity_(dimensions.n_text_ctx),
      memory_(planes_ * capacity_ * state_ * sizeof(float)) {}

void KvCache::reserve(size_t entries) {
  if (entries > capacity_) grow(entries);
  entries_ = std::max(entries_, entries);
}

void KvCache::grow(size_t entries) {
  const size_t capacity = std::max(entries, 2 * capacity_);
  MemoryBlock grown(planes_ * capacity * state_ * sizeof(float));
  for (size_t plane = 0; plane < planes_; ++plane)
    std::memcpy(grown.as<float>() + plane * capacity * state_, row(plane, 0), capacity_ * state_ * sizeof(float));
  memory_ = std::move(grown);
  capacity_ = capacity;
}
