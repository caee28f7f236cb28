// Whisper's decoder: a step takes one or more tokens of one or more sequences, and appends their keys and values to the
// KV cache.
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
#include "../kv_cache.h"

namespace WHISPER_CPU_LEVEL {

/** Sequences with their own KV cache and encoded windows. The requests of different recordings are batched into one step. */
template <typename KvDtype>
struct DecoderRequest {
  const Step& step;
  const CrossKv<KvDtype>& cross_kv;
  KvCache& cache;
  /** Receives the scores of the alignment heads, f32 [sequences, heads, tokens_per_sequence, n_audio_ctx]; or nullptr. */
  float* attention;
};

template <typename KvDtype>
class Decoder {
 public:
  /** @param clock of the calling thread, which waits for all others at the end of every parallel section */
  Decoder(const WeightsFile& weights, const Dimensions& dimensions, AlignmentHeads alignment_heads, ThreadPool& pool,
          Clock& clock);

  /**
   * Appends tokens. Weights are read once for all requests, and the results of a request do not depend on the others.
   *
   * @param requests each with its own cache
   * @param probe records the output of every layer; nullptr for none
   */
  void step(std::span<const DecoderRequest<KvDtype>> requests, BlockProbe* probe = nullptr);

  /** The hidden states behind the final norm, one row for each token of the last step, request by request. */
  const Activations& states() const { return normed_; }
  size_t alignment_head_count() const { return alignment_heads_.size(); }

 private:
  /** Whether the weights of the layers are int8, as the cross-attention's keys and values then are. */
  static constexpr bool is_int8 = KvDtype::is_scaled;

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
    LayerNorm ffn_norm;
    RowLinear fc1;
    RowLinear fc2;
  };

  /** Buffers of one thread. */
  struct Scratch {
    MemoryBlock scores;
  };

  void reserve(size_t rows);
  void embed(const Step& step, size_t first_row, const BlockHook& hook);
  void normalise_residual(const LayerNorm& norm, size_t rows);
  void quantise(Activations& activations, size_t rows);
  void add_projection(const RowLinear& linear, Activations& input, size_t rows, const BlockHook& hook);
  void project(const RowLinear& linear, size_t head, size_t rows, MemoryBlock& to);
  template <size_t vectors>
  void self_attention(size_t layer, size_t head, const DecoderRequest<KvDtype>& request, size_t first_row, Scratch& scratch);
  template <size_t vectors>
  void cross_attention(size_t layer, size_t head, const DecoderRequest<KvDtype>& request, size_t first_row, Scratch& scratch);
  template <size_t vectors, size_t row_count>
  void cross_attention_scores(size_t layer, size_t head, size_t first, size_t window, const CrossKv<KvDtype>& cross_kv, float* scores);
  template <size_t vectors, size_t row_count>
  void mix_values(size_t layer, size_t head, size_t first, size_t window, const CrossKv<KvDtype>& cross_kv, float* scores);
  void keep_alignment_scores(size_t layer, size_t head, size_t row, const Step& step, const float* scores, float* attention) const;

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
