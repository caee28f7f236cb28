// The decoder's self-attention cache.
#pragma once

#include "dimensions.h"
#include "memory_block.h"

/**
 * Keys and values of the tokens decoded so far, f32 [layers, 2, entries, n_text_state]. Entries are only ever appended; a
 * sequence is a list of them, so that hypotheses of a beam search share their common beginning.
 */
class KvCache {
 public:
  explicit KvCache(const Dimensions& dimensions);

  /** Makes room for so many entries and keeps the existing ones. @throws std::bad_alloc */
  void reserve(size_t entries);
  /** The largest number that was reserved. */
  size_t entries() const { return entries_; }
  bool fits(const Dimensions& dimensions) const {
    return planes_ == 2 * dimensions.n_text_layer && state_ == dimensions.n_text_state;
  }
  float* keys(size_t layer, size_t entry) { return row(2 * layer, entry); }
  float* values(size_t layer, size_t entry) { return row(2 * layer + 1, entry); }

 private:
  void grow(size_t entries);
  float* row(size_t plane, size_t entry) { return memory_.as<float>() + (plane * capacity_ + entry) * state_; }

  /** The keys of a layer are one plane, [entries, state], and its values another. */
  size_t planes_;
  size_t state_;
  size_t capacity_;
  size_t entries_ = 0;
  MemoryBlock memory_;
};
