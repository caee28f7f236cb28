// The decoder's memory of its texts.
#pragma once

#include "dimensions.h"
#include "memory_block.h"

/** Keys and values of the tokens so far, layer by layer. Rows are only ever appended; a text is a list of them. */
class TextCache {
 public:
  explicit TextCache(const Dimensions& dimensions);

  /** Makes room for rows; what the ones before hold stays. */
  void reserve(size_t rows);
  /** The most that were asked for. */
  size_t rows() const { return rows_; }
  bool fits(const Dimensions& dimensions) const {
    return parts_ == 2 * dimensions.n_text_layer && state_ == dimensions.n_text_state;
  }
  float* keys(size_t layer, size_t row) { return part(2 * layer, row); }
  float* values(size_t layer, size_t row) { return part(2 * layer + 1, row); }

 private:
  void grow(size_t rows);
  float* part(size_t index, size_t row) { return memory_.as<float>() + (index * capacity_ + row) * state_; }

  size_t parts_;
  size_t state_;
  size_t capacity_;
  size_t rows_ = 0;
  MemoryBlock memory_;
};
