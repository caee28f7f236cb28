// Whisper's decoder: some tokens at a time, of one text or of many, over a cache that is a log of rows.
#pragma once

#include <span>
#include <vector>

#include "cross_kv.h"
#include "../block_probe.h"
#include "../dimensions.h"
#include "../profile.h"
#include "row_product.h"
#include "../step.h"
#include "../thread_pool.h"
#include "../text_cache.h"

namespace WHISPER_CPU_LEVEL {

/** Texts over some windows, with a cache of their own, in a step that they may share with others. */
template <typename Kv>
struct DecoderPart {
  const Step& step;
  const CrossKv<Kv>& cross_kv;
  TextCache& cache;
  /** Where the alignment heads' scores go, f32 [texts, heads, width, n_audio_ctx]; nullptr for nowhere. */
  float* attention;
};

template <typename Kv>
class Decoder {
 public:
  /** @param clock of the thread that calls, which waits for all others at the end of every part */
  Decoder(const WeightsFile& weights, const Dimensions& dimensions, AlignmentHeads alignment_heads, ThreadPool& pool,
          Clock& clock);

  /**
   * Appends tokens. Weights are read once for all parts, and no part changes what another one gives.
   *
   * @param parts each with a cache of its own
   * @param probe looks at every block; nullptr for none
   */
  void step(std::span<const DecoderPart<Kv>> parts, BlockProbe* probe = nullptr);

  /** Behind the final norm, of the tokens of the last step, part by part. */
  const Activations& states() const { return normed_; }
  size_t alignment_head_count() const { return alignment_heads_.size(); }

 private:
  /** The weights of every layer, where the audio's keys and values are: a model is of one kind throughout. */
  static constexpr bool in_bytes = Kv::is_scaled;

  struct Layer {
    Layer(const WeightsFile& weights, const std::string& name, size_t state);
    LayerNorm self_norm;
    RowLinear self_query;
    RowLinear self_key;
    RowLinear self_value;
    RowLinear self_output;
    LayerNorm cross_norm;
    RowLinear cross_query;
    RowLinear cross_output;
    LayerNorm norm;
    RowLinear fc1;
    RowLinear fc2;
  };

  /** What a thread works in. */
  struct Scratch {
    MemoryBlock scores;
  };

  void reserve(size_t rows);
  void embed(const Step& step, size_t first_row, const BlockTap& tap);
  void normalise(const LayerNorm& norm, size_t rows);
  void quantise(Activations& activations, size_t rows);
  void add_projection(const RowLinear& linear, Activations& input, size_t rows, const BlockTap& tap);
  void project(const RowLinear& linear, size_t head, size_t rows, MemoryBlock& to);
  template <size_t vectors>
  void attend_to_text(size_t layer, size_t head, const DecoderPart<Kv>& part, size_t first_row, Scratch& scratch);
  template <size_t vectors>
  void attend_to_audio(size_t layer, size_t head, const DecoderPart<Kv>& part, size_t first_row, Scratch& scratch);
  template <size_t vectors, size_t row_count>
  void score_rows(size_t layer, size_t head, size_t first, size_t window, const CrossKv<Kv>& cross_kv, float* scores);
  template <size_t vectors, size_t row_count>
  void mix_rows(size_t layer, size_t head, size_t first, size_t window, const CrossKv<Kv>& cross_kv, float* scores);
  void keep_scores(size_t layer, size_t head, size_t row, const Step& step, const float* scores, float* attention) const;

  Dimensions dimensions_;
  size_t state_;
  size_t head_size_;
  ThreadPool& pool_;
  Clock& clock_;
  const float* embedding_;
  const float* positional_embedding_;
  std::vector<Layer> layers_;
  LayerNorm norm_;
  AlignmentHeads alignment_heads_;
  size_t row_capacity_ = 0;
  MemoryBlock residual_;
  MemoryBlock queries_;
  MemoryBlock keys_;
  MemoryBlock values_;
  MemoryBlock projected_;
  Activations normed_;
  Activations attention_output_;
  Activations hidden_;
  std::vector<Scratch> scratch_;
};

}  // namespace WHISPER_CPU_LEVEL
