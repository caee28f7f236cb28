// Whisper's encoder, followed by the key and value projections of the cross-attention of every decoder layer.
//
// Everything but attention treats each row (one position, f32 [n_audio_state]) independently. So a thread takes a block of
// rows through everything between one attention and the next, while the block stays in the core's cache. There are two
// barriers a layer.
#pragma once

#include <vector>

#include "cross_kv.h"
#include "../block_probe.h"
#include "../dimensions.h"
#include "linear.h"
#include "../profile.h"
#include "rows.h"
#include "../thread_pool.h"

namespace WHISPER_CPU_LEVEL {

template <typename Linear, typename Attention, typename ConvolutionDtype, typename Kv>
class Encoder {
 public:
  /** @param profile with a clock for every thread of the pool */
  Encoder(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool, Profile& profile);

  /**
   * @param log_mel f32 [n_mels, 2 * n_audio_ctx]
   * @param probe records the output of every layer; nullptr for none
   */
  void encode(const float* log_mel, CrossKv<Kv>& cross_kv, size_t window, BlockProbe* probe = nullptr);
  /** @param output f32 [n_audio_ctx, n_audio_state] */
  void encode(const float* log_mel, float* output);

 private:
  /** More rows would not stay in the cache; with fewer, the weights of whisper-medium would be read from memory too often. */
  static constexpr size_t max_block_rows = 168 / tile_rows * tile_rows;

  struct Layer {
    Layer(const WeightsFile& weights, const std::string& name, size_t state);
    LayerNorm attention_norm;
    Linear query;
    Linear key;
    Linear value;
    Linear attention_output;
    LayerNorm ffn_norm;
    Linear fc1;
    Linear fc2;
  };

  struct CrossProjections {
    Linear key;
    Linear value;
  };

  /** Buffers and clock of one thread. */
  struct Scratch {
    Scratch(const Dimensions& dimensions, size_t block_rows, Clock& clock);
    MemoryBlock frames;
    MemoryBlock convolved;
    MemoryBlock normed;
    MemoryBlock hidden;
    typename Linear::Input input;
    Clock* clock;
  };

  /** Hooks into the two halves of a layer, each of which adds to the residual stream. */
  struct LayerHooks {
    BlockHook attention;
    BlockHook feed_forward;
  };

  /** Rows that one thread takes from one attention to the next. */
  struct RowBlock {
    size_t first;
    size_t count;
  };

  static std::vector<RowBlock> row_blocks_of(size_t positions, size_t threads);
  template <typename Work>
  void each_row_block(const Work& work);
  float* row(size_t position) const { return residual_.as<float>() + position * state_; }
  void run_layers(const float* log_mel, BlockProbe* probe);
  void convolve(const float* log_mel, const RowBlock& block, Scratch& scratch);
  void project(const Layer& layer, const RowBlock& block, Scratch& scratch);
  void project_and_feed_forward(const Layer& layer, const LayerHooks& hooks, const RowBlock& block, Scratch& scratch);
  void normalise_input(const LayerNorm& norm, const RowBlock& block, Scratch& scratch, const BlockHook& hook = {}) const;
  BlockHook hook(BlockProbe* probe, const std::string& name) const {
    return hook_of(probe, "model.encoder." + name, dimensions_.n_audio_ctx, state_);
  }

  Dimensions dimensions_;
  size_t state_;
  ThreadPool& pool_;
  std::vector<RowBlock> row_blocks_;
  Profile& profile_;
  PackedMatrix<ConvolutionDtype> first_convolution_;
  PackedMatrix<ConvolutionDtype> second_convolution_;
  const float* first_bias_;
  const float* second_bias_;
  const float* positional_embedding_;
  std::vector<Layer> layers_;
  LayerNorm norm_;
  std::vector<CrossProjections> cross_;
  Attention attention_;
  MemoryBlock residual_;
  MemoryBlock attention_output_;
  std::vector<Scratch> scratch_;
};

/** Convolution weights [outputs, inputs, 3] as a matrix [3 * inputs, outputs]: its input is three consecutive frames. */
template <typename Dtype>
PackedMatrix<Dtype> pack_convolution(const float* weights, size_t inputs, size_t outputs) {
  PackedMatrix<Dtype> matrix(3 * inputs, outputs);
  for (size_t output = 0; output < outputs; ++output) {
    for (size_t input = 0; input < inputs; ++input) {
      for (size_t tap = 0; tap < 3; ++tap) {
        const size_t row = tap * inputs + input;
        const float value = weights[(output * inputs + input) * 3 + tap];
        matrix.lane(row, output)[row % elements_per_lane<Dtype>] = Dtype::from_float(value);
      }
    }
  }
  return matrix;
}

template <typename L, typename A, typename C, typename Kv>
Encoder<L, A, C, Kv>::Layer::Layer(const WeightsFile& weights, const std::string& name, size_t state)
    : attention_norm(weights, name + ".self_attn_layer_norm", state),
      query(weights, name + ".self_attn.q_proj", state, state),
      key(weights, name + ".self_attn.k_proj", state, state),
      value(weights, name + ".self_attn.v_proj", state, state),
      attention_output(weights, name + ".self_attn.out_proj", state, state),
      ffn_norm(weights, name + ".final_layer_norm", state),
      fc1(weights, name + ".fc1", state, 4 * state),
      fc2(weights, name + ".fc2", 4 * state, state) {}

template <typename L, typename A, typename C, typename Kv>
Encoder<L, A, C, Kv>::Scratch::Scratch(const Dimensions& dimensions, size_t block_rows, Clock& clock)
    : frames((2 * block_rows + 1) * 3 * dimensions.n_mels * sizeof(typename C::Element)),
      convolved((2 * block_rows + 1) * dimensions.n_audio_state * sizeof(typename C::Element)),
      normed(block_rows * padded_stride<Fp32>(dimensions.n_audio_state) * sizeof(float)),
      hidden(block_rows * padded_stride<Fp32>(4 * dimensions.n_audio_state) * sizeof(float)),
      input(block_rows, 4 * dimensions.n_audio_state),
      clock(&clock) {}

template <typename L, typename A, typename C, typename Kv>
Encoder<L, A, C, Kv>::Encoder(const WeightsFile& weights, const Dimensions& dimensions, ThreadPool& pool,
                               Profile& profile)
    : dimensions_(dimensions),
      state_(dimensions.n_audio_state),
      pool_(pool),
      row_blocks_(row_blocks_of(dimensions.n_audio_ctx, pool.size())),
      profile_(profile),
      first_convolution_(pack_convolution<C>(
          weights.floats("model.encoder.conv1.weight", state_ * dimensions.n_mels * 3), dimensions.n_mels, state_)),
      second_convolution_(
          pack_convolution<C>(weights.floats("model.encoder.conv2.weight", state_ * state_ * 3), state_, state_)),
      first_bias_(weights.floats("model.encoder.conv1.bias", state_)),
      second_bias_(weights.floats("model.encoder.conv2.bias", state_)),
      positional_embedding_(weights.floats("model.encoder.embed_positions.weight", dimensions.n_audio_ctx * state_)),
      norm_(weights, "model.encoder.layer_norm", state_),
      attention_(dimensions.n_audio_ctx, state_, dimensions.n_audio_head, pool.size()),
      residual_(dimensions.n_audio_ctx * state_ * sizeof(float)),
      attention_output_(dimensions.n_audio_ctx * state_ * sizeof(float)) {
  for (size_t layer = 0; layer < dimensions.n_audio_layer; ++layer)
    layers_.emplace_back(weights, "model.encoder.layers." + std::to_string(layer), state_);
  for (size_t layer = 0; layer < dimensions.n_text_layer; ++layer) {
    const std::string name = "model.decoder.layers." + std::to_string(layer) + ".encoder_attn";
    cross_.push_back({L(weights, name + ".k_proj", state_, state_), L(weights, name + ".v_proj", state_, state_)});
  }
  for (size_t thread_index = 0; thread_index < pool.size(); ++thread_index)
    scratch_.emplace_back(dimensions, row_blocks_.front().count, profile.clock(thread_index));
}

template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::encode(const float* log_mel, CrossKv<Kv>& cross_kv, size_t window, BlockProbe* probe) {
  run_layers(log_mel, probe);
  const BlockHook norm_hook = hook(probe, "layer_norm");
  each_row_block([&](const RowBlock& block, Scratch& scratch) {
    normalise_input(norm_, block, scratch, norm_hook);
    auto* rows = scratch.hidden.template as<float>();
    const auto keep = [&](size_t row, size_t column, Floats low, Floats high) {
      store(rows + row * state_ + column, low);
      store(rows + row * state_ + column + lanes, high);
    };
    for (size_t layer = 0; layer < cross_.size(); ++layer) {
      cross_[layer].key.multiply(scratch.input, keep);
      for (size_t i = 0; i < block.count; ++i) cross_kv.put_keys(window, layer, block.first + i, rows + i * state_);
      cross_[layer].value.multiply(scratch.input, keep);
      for (size_t i = 0; i < block.count; ++i) cross_kv.put_values(window, layer, block.first + i, rows + i * state_);
    }
    scratch.clock->spent_on(Part::linear);
  });
}

template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::encode(const float* log_mel, float* output) {
  run_layers(log_mel, nullptr);
  for (size_t position = 0; position < dimensions_.n_audio_ctx; ++position)
    norm_.apply(row(position), output + position * state_);
}

/** Equal counts of blocks for every thread, whose sizes differ by at most a tile; the first is the largest. */
template <typename L, typename A, typename C, typename Kv>
auto Encoder<L, A, C, Kv>::row_blocks_of(size_t positions, size_t threads) -> std::vector<RowBlock> {
  const size_t per_thread = (positions + threads * max_block_rows - 1) / (threads * max_block_rows);
  const size_t tiles = (positions + tile_rows - 1) / tile_rows;
  const size_t count = std::min(tiles, threads * per_thread);
  std::vector<RowBlock> blocks;
  for (size_t index = 0, first = 0; index < count; ++index) {
    const size_t own_tiles = tiles / count + (index < tiles % count ? 1 : 0);
    const size_t rows = std::min(own_tiles * tile_rows, positions - first);
    blocks.push_back({first, rows});
    first += rows;
  }
  return blocks;
}

template <typename L, typename A, typename C, typename Kv>
template <typename Work>
void Encoder<L, A, C, Kv>::each_row_block(const Work& work) {
  pool_.parallel_for(row_blocks_.size(), [&](size_t index, size_t thread_index) {
    scratch_[thread_index].clock->start();
    work(row_blocks_[index], scratch_[thread_index]);
  });
}

/** Computes the residual stream behind the last layer, before the final norm. */
template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::run_layers(const float* log_mel, BlockProbe* probe) {
  const BlockHook embedding_hook = hook(probe, "embed");
  each_row_block([&](const RowBlock& block, Scratch& scratch) {
    convolve(log_mel, block, scratch);
    for (size_t i = block.first; i < block.first + block.count; ++i) {
      embedding_hook.keep_output(i, row(i));
      embedding_hook.keep_or_replace_residual(i, row(i));
    }
    project(layers_.front(), block, scratch);
  });
  for (size_t index = 0; index < layers_.size(); ++index) {
    attention_.attend(pool_, profile_, attention_output_.template as<float>());
    const std::string name = "layers." + std::to_string(index);
    const LayerHooks hooks{hook(probe, name + ".self_attn"), hook(probe, name + ".feed_forward")};
    each_row_block([&](const RowBlock& block, Scratch& scratch) {
      project_and_feed_forward(layers_[index], hooks, block, scratch);
      if (index + 1 < layers_.size()) project(layers_[index + 1], block, scratch);
    });
  }
}

/**
 * The two convolutions and the positional embedding of a block, from frames 2 * first - 2 to 2 * (first + count) of the
 * log-mel spectrogram.
 */
template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::convolve(const float* log_mel, const RowBlock& block, Scratch& scratch) {
  using Element = typename C::Element;
  const auto frame_count = static_cast<ptrdiff_t>(2 * dimensions_.n_audio_ctx);
  const size_t mels = dimensions_.n_mels;
  auto* frames = scratch.frames.template as<Element>();
  auto* convolved = scratch.convolved.template as<Element>();
  const size_t row_count = 2 * block.count + 1;
  const ptrdiff_t first = 2 * static_cast<ptrdiff_t>(block.first) - 1;
  for (size_t i = 0; i < row_count; ++i) {
    for (ptrdiff_t tap = 0; tap < 3; ++tap) {
      const ptrdiff_t frame = first + static_cast<ptrdiff_t>(i) + tap - 1;
      const bool is_inside = frame >= 0 && frame < frame_count;
      Element* to = frames + (3 * i + static_cast<size_t>(tap)) * mels;
      for (size_t mel = 0; mel < mels; ++mel)
        to[mel] = C::from_float(is_inside ? log_mel[static_cast<ptrdiff_t>(mel) * frame_count + frame] : 0.0F);
    }
  }
  multiply_rows(MatrixView<C>{frames, 3 * mels, row_count}, first_convolution_,
           [&](size_t i, size_t column, Floats low, Floats high) {
             Element* to = convolved + i * state_ + column;
             C::put_row(to, gelu(low + load(first_bias_ + column)));
             C::put_row(to + lanes, gelu(high + load(first_bias_ + column + lanes)));
           });
  // The second convolution is padded with zeros, not with what the first one makes of its padding.
  const auto clear = [&](size_t i) { std::fill_n(convolved + i * state_, state_, Element{}); };
  if (first < 0) clear(0);
  multiply_rows(MatrixView<C>{convolved, 2 * state_, block.count}, second_convolution_,
           [&](size_t i, size_t column, Floats low, Floats high) {
             const size_t at = (block.first + i) * state_ + column;
             const auto put = [&](size_t offset, Floats sum) {
               const Floats embedded = gelu(sum + load(second_bias_ + column + offset));
               store(residual_.as<float>() + at + offset, embedded + load(positional_embedding_ + at + offset));
             };
             put(0, low);
             put(lanes, high);
           });
  scratch.clock->spent_on(Part::convolutions);
}

/** Normalises the rows of a block into the input of the next linear layers, which quantises them where these are int8. */
template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::normalise_input(const LayerNorm& norm, const RowBlock& block, Scratch& scratch,
                                      const BlockHook& hook) const {
  auto* normed = scratch.normed.template as<float>();
  const size_t stride = padded_stride<Fp32>(state_);
  for (size_t i = 0; i < block.count; ++i) {
    norm.apply(row(block.first + i), normed + i * stride);
    hook.keep_output(block.first + i, normed + i * stride);
    hook.keep_or_replace_residual(block.first + i, normed + i * stride);
  }
  scratch.input.set(normed, stride, block.count, state_);
  scratch.clock->spent_on(Part::norms);
}

/** Computes the queries, keys and values of a layer's attention. */
template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::project(const Layer& layer, const RowBlock& block, Scratch& scratch) {
  normalise_input(layer.attention_norm, block, scratch);
  /** `put` is given a position and its row, or a channel of it and the vector from there on: see the attention's put_*. */
  const auto project_into = [&](const L& linear, const auto& put) {
    if constexpr (A::takes_whole_rows) {
      auto* rows = scratch.hidden.template as<float>();
      linear.multiply(scratch.input, [&](size_t i, size_t column, Floats low, Floats high) {
        store(rows + i * state_ + column, low);
        store(rows + i * state_ + column + lanes, high);
      });
      for (size_t i = 0; i < block.count; ++i) put(block.first + i, rows + i * state_);
    } else {
      linear.multiply(scratch.input, [&](size_t i, size_t column, Floats low, Floats high) {
        put(block.first + i, column, low);
        put(block.first + i, column + lanes, high);
      });
    }
  };
  project_into(layer.query, [&](size_t position, auto... values) { attention_.put_query(position, values...); });
  project_into(layer.key, [&](size_t position, auto... values) { attention_.put_key(position, values...); });
  project_into(layer.value, [&](size_t position, auto... values) { attention_.put_value(position, values...); });
  scratch.clock->spent_on(Part::linear);
}

/** The output projection of a layer's attention, and its feed-forward network (FFN). */
template <typename L, typename A, typename C, typename Kv>
void Encoder<L, A, C, Kv>::project_and_feed_forward(const Layer& layer, const LayerHooks& hooks, const RowBlock& block,
                                         Scratch& scratch) {
  /** Adds what a linear layer computes to the residual stream. */
  const auto add_to_residual = [&](const L& linear, const BlockHook& hook) {
    linear.multiply(scratch.input, [&](size_t i, size_t column, Floats low, Floats high) {
      if (hook.is_active()) {
        store(hook.output_row(block.first + i) + column, low);
        store(hook.output_row(block.first + i) + column + lanes, high);
      }
      float* to = row(block.first + i) + column;
      store(to, load(to) + low);
      store(to + lanes, load(to + lanes) + high);
    });
    for (size_t i = block.first; i < block.first + block.count; ++i) hook.keep_or_replace_residual(i, row(i));
    scratch.clock->spent_on(Part::linear);
  };
  scratch.input.set(attention_output_.template as<float>() + block.first * state_, state_, block.count, state_);
  scratch.clock->spent_on(Part::norms);
  add_to_residual(layer.attention_output, hooks.attention);
  normalise_input(layer.ffn_norm, block, scratch);
  auto* hidden = scratch.hidden.template as<float>();
  const size_t stride = padded_stride<Fp32>(4 * state_);
  layer.fc1.multiply(scratch.input, [&](size_t i, size_t column, Floats low, Floats high) {
    store(hidden + i * stride + column, gelu(low));
    store(hidden + i * stride + column + lanes, gelu(high));
  });
  scratch.clock->spent_on(Part::linear);
  scratch.input.set(hidden, stride, block.count, 4 * state_);
  scratch.clock->spent_on(Part::norms);
  add_to_residual(layer.fc2, hooks.feed_forward);
}

}  // namespace WHISPER_CPU_LEVEL
