// Keys and values of encoded windows for the decoder's cross-attention, in the order in which it reads them: the keys of a
// head in blocks of 64 positions, transposed to [channels, positions], and its values as [positions, channels].
#pragma once

#include <algorithm>
#include <cstdint>

#include "../dimensions.h"
#include "../memory_block.h"
#include "rows.h"

namespace WHISPER_CPU_LEVEL {

/** Keys and values in float32. */
struct Fp32Kv {
  using Element = float;
  static constexpr bool is_scaled = false;
  static Floats read(const float* from) { return load(from); }
  static void write(float* to, Floats values) { store(to, values); }
};

/** Keys and values in int8, with a scale for the key and one for the value of each position of a head. */
struct Int8Kv {
  using Element = int8_t;
  static constexpr bool is_scaled = true;
  static Floats read(const int8_t* from) { return to_floats(load_bytes(from)); }
  static void write(int8_t* to, Floats values) { store_bytes(to, to_integers(values)); }
};

template <typename KvDtype>
class CrossKv {
 public:
  using Element = typename KvDtype::Element;
  /** Positions in a block of keys. */
  static constexpr size_t block = 64;

  CrossKv(const Dimensions& dimensions, size_t windows)
      : heads_(dimensions.n_text_head),
        head_size_(dimensions.n_text_state / heads_),
        layers_(dimensions.n_text_layer),
        padded_(padded(dimensions)),
        windows_(windows),
        elements_(2 * windows * layers_ * heads_ * padded_ * head_size_ * sizeof(Element)),
        scales_(KvDtype::is_scaled ? 2 * windows * layers_ * heads_ * padded_ * sizeof(float) : 0) {}

  size_t windows() const { return windows_; }
  /** Positions of a window, rounded up to blocks. */
  static size_t padded(const Dimensions& dimensions) { return (dimensions.n_audio_ctx + block - 1) / block * block; }
  size_t padded() const { return padded_; }

  /** [padded / block][head size][block] */
  const Element* keys(size_t window, size_t layer, size_t head) const { return head_elements(0, window, layer, head); }
  /** [padded][head size] */
  const Element* values(size_t window, size_t layer, size_t head) const { return head_elements(1, window, layer, head); }
  /** [padded], for dtypes that have scales. */
  const float* key_scales(size_t window, size_t layer, size_t head) const { return head_scales(0, window, layer, head); }
  const float* value_scales(size_t window, size_t layer, size_t head) const {
    return head_scales(1, window, layer, head);
  }

  /** @param row f32 [n_text_state] */
  void put_keys(size_t window, size_t layer, size_t position, const float* row) {
    for (size_t head = 0; head < heads_; ++head) {
      Element* to = head_elements(0, window, layer, head) + position / block * block * head_size_ + position % block;
      const float* from = row + head * head_size_;
      const Floats inverse = broadcast(scale(from, head_scales(0, window, layer, head), position));
      for (size_t i = 0; i < head_size_; i += lanes) {
        Element channels[lanes];
        KvDtype::write(channels, load(from + i) * inverse);
#pragma GCC unroll 16
        for (size_t lane = 0; lane < lanes; ++lane) to[(i + lane) * block] = channels[lane];
      }
    }
  }
  void put_values(size_t window, size_t layer, size_t position, const float* row) {
    for (size_t head = 0; head < heads_; ++head) {
      Element* to = head_elements(1, window, layer, head) + position * head_size_;
      const float* from = row + head * head_size_;
      const Floats inverse = broadcast(scale(from, head_scales(1, window, layer, head), position));
      for (size_t i = 0; i < head_size_; i += lanes) KvDtype::write(to + i, load(from + i) * inverse);
    }
  }

 private:
  /** @param plane 0 for keys, 1 for values */
  size_t head_index(size_t plane, size_t window, size_t layer, size_t head) const {
    return ((window * layers_ + layer) * 2 + plane) * heads_ + head;
  }
  Element* head_elements(size_t plane, size_t window, size_t layer, size_t head) const {
    return elements_.as<Element>() + head_index(plane, window, layer, head) * padded_ * head_size_;
  }
  float* head_scales(size_t plane, size_t window, size_t layer, size_t head) const {
    return scales_.as<float>() + (KvDtype::is_scaled ? head_index(plane, window, layer, head) * padded_ : 0);
  }

  /** Notes the scale of a position of a head and returns its inverse; 1 where there are none. */
  float scale(const float* from, float* scales, size_t position) const {
    if constexpr (!KvDtype::is_scaled) return 1.0F;
    const float scale = int8_scale(from, head_size_);
    scales[position] = scale;
    return 1.0F / scale;
  }

  size_t heads_;
  size_t head_size_;
  size_t layers_;
  size_t padded_;
  size_t windows_;
  MemoryBlock elements_;
  MemoryBlock scales_;
};

}  // namespace WHISPER_CPU_LEVEL
