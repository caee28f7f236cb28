#include "decoder.h"

#include <algorithm>
#include <cmath>

namespace WHISPER_CPU_LEVEL {

namespace {

/** Outputs of a linear layer that a thread takes at a time. */
constexpr size_t outputs_per_item = 64;
/** Queries whose cross-attention is computed together, so that keys and values are read once for all of them. */
constexpr size_t queries_together = 4;

/** How many of `vectors` accumulators per row are computed together: as many as there are registers for. */
constexpr size_t chunk_vectors(size_t vectors, size_t row_count) {
  return std::min(vectors, register_count / (2 * std::max<size_t>(2, row_count)));
}

/** Replaces scores by e^(score - maximum) and returns the sum of these. */
float softmax_in_place(float* scores, size_t count) {
  const size_t padded = (count + lanes - 1) / lanes * lanes;
  return softmax(scores, count, padded, [&](size_t i, Floats weight) { store(scores + i, weight); });
}

}  // namespace

template <typename KvDtype>
Decoder<KvDtype>::Layer::Layer(const WeightsFile& weights, const std::string& name, size_t state)
    : self_norm(weights, name + ".self_attn_layer_norm", state),
      self_query(weights, name + ".self_attn.q_proj", state, state, is_int8),
      self_key(weights, name + ".self_attn.k_proj", state, state, is_int8),
      self_value(weights, name + ".self_attn.v_proj", state, state, is_int8),
      self_output(weights, name + ".self_attn.out_proj", state, state, is_int8),
      cross_norm(weights, name + ".encoder_attn_layer_norm", state),
      cross_query(weights, name + ".encoder_attn.q_proj", state, state, is_int8),
      cross_output(weights, name + ".encoder_attn.out_proj", state, state, is_int8),
      ffn_norm(weights, name + ".final_layer_norm", state),
      fc1(weights, name + ".fc1", state, 4 * state, is_int8),
      fc2(weights, name + ".fc2", 4 * state, state, is_int8) {}

template <typename KvDtype>
Decoder<KvDtype>::Decoder(const WeightsFile& weights, const Dimensions& dimensions, AlignmentHeads alignment_heads,
                     ThreadPool& pool, Clock& clock)
    : dimensions_(dimensions),
      state_(dimensions.n_text_state),
      head_size_(state_ / dimensions.n_text_head),
      pool_(pool),
      clock_(clock),
      embedding_(weights.floats("model.decoder.embed_tokens.weight", dimensions.n_vocab * state_)),
      positional_embedding_(weights.floats("model.decoder.embed_positions.weight", dimensions.n_text_ctx * state_)),
      norm_(weights, "model.decoder.layer_norm", state_),
      alignment_heads_(std::move(alignment_heads)),
      normed_(0, state_),
      attention_output_(0, state_),
      hidden_(0, 4 * state_) {
  for (size_t layer = 0; layer < dimensions.n_text_layer; ++layer)
    layers_.emplace_back(weights, "model.decoder.layers." + std::to_string(layer), state_);
  const size_t score_count =
      std::max(queries_together * CrossKv<KvDtype>::padded(dimensions), dimensions.n_text_ctx + lanes);
  for (size_t thread_index = 0; thread_index < pool.size(); ++thread_index) scratch_.push_back({MemoryBlock(score_count * sizeof(float))});
  reserve(1);
}

template <typename KvDtype>
void Decoder<KvDtype>::reserve(size_t rows) {
  if (rows <= row_capacity_) return;
  const size_t capacity = std::max(rows, 2 * row_capacity_);
  const size_t size_bytes = capacity * state_ * sizeof(float);
  residual_ = MemoryBlock(size_bytes);
  queries_ = MemoryBlock(size_bytes);
  keys_ = MemoryBlock(size_bytes);
  values_ = MemoryBlock(size_bytes);
  projected_ = MemoryBlock(size_bytes);
  normed_ = Activations(capacity, state_);
  attention_output_ = Activations(capacity, state_);
  hidden_ = Activations(capacity, 4 * state_);
  row_capacity_ = capacity;  // last, because an allocation may fail
}

template <typename KvDtype>
void Decoder<KvDtype>::step(std::span<const DecoderRequest<KvDtype>> requests, BlockProbe* probe) {
  size_t rows = 0;
  for (const auto& request : requests) {
    request.cache.reserve(request.step.first_entry + request.step.tokens.size());
    rows += request.step.tokens.size();
  }
  const size_t heads = dimensions_.n_text_head;
  reserve(rows);
  const auto each_request = [&](const auto& work) {
    size_t first_row = 0;
    for (const auto& request : requests) {
      work(request, first_row);
      first_row += request.step.tokens.size();
    }
  };
  const auto hook = [&](const std::string& name) { return hook_of(probe, "model.decoder." + name, rows, state_); };
  clock_.start();
  each_request([&](const auto& request, size_t first_row) { embed(request.step, first_row, hook("embed")); });
  const auto each_head = [&](const auto& with_vectors) {
    pool_.parallel_for(heads, [&](size_t head, size_t thread_index) {
      switch (head_size_) {
        case 16: return with_vectors.template operator()<16 / lanes>(head, scratch_[thread_index]);
        case 32: return with_vectors.template operator()<32 / lanes>(head, scratch_[thread_index]);
        default: return with_vectors.template operator()<64 / lanes>(head, scratch_[thread_index]);
      }
    });
  };
  for (size_t index = 0; index < layers_.size(); ++index) {
    const Layer& layer = layers_[index];
    const std::string name = "layers." + std::to_string(index);
    normalise_residual(layer.self_norm, rows);
    each_head([&]<size_t vectors>(size_t head, Scratch& scratch) {
      project(layer.self_query, head, rows, queries_);
      project(layer.self_key, head, rows, keys_);
      project(layer.self_value, head, rows, values_);
      each_request([&](const auto& request, size_t first_row) {
        self_attention<vectors>(index, head, request, first_row, scratch);
      });
    });
    clock_.spent_on(Part::self_attention);
    add_projection(layer.self_output, attention_output_, rows, hook(name + ".self_attn"));
    normalise_residual(layer.cross_norm, rows);
    each_head([&]<size_t vectors>(size_t head, Scratch& scratch) {
      project(layer.cross_query, head, rows, queries_);
      each_request([&](const auto& request, size_t first_row) {
        cross_attention<vectors>(index, head, request, first_row, scratch);
      });
    });
    clock_.spent_on(Part::cross_attention);
    add_projection(layer.cross_output, attention_output_, rows, hook(name + ".encoder_attn"));
    normalise_residual(layer.ffn_norm, rows);
    pool_.parallel_for(4 * state_ / outputs_per_item, [&](size_t item, size_t) {
      const size_t first = item * outputs_per_item;
      layer.fc1.multiply(normed_, rows, first, first + outputs_per_item, hidden_.row(0) + first, 4 * state_);
      for (size_t row = 0; row < rows; ++row) {
        float* values = hidden_.row(row) + first;
        for (size_t i = 0; i < outputs_per_item; i += lanes) store(values + i, gelu(load(values + i)));
      }
    });
    add_projection(layer.fc2, hidden_, rows, hook(name + ".feed_forward"));
  }
  normalise_residual(norm_, rows);
}

template <typename KvDtype>
void Decoder<KvDtype>::embed(const Step& step, size_t first_row, const BlockHook& hook) {
  for (size_t index = 0; index < step.tokens.size(); ++index) {
    const size_t row = first_row + index;
    float* to = residual_.as<float>() + row * state_;
    std::copy_n(embedding_ + static_cast<size_t>(step.tokens[index]) * state_, state_, to);
    add_row(to, positional_embedding_ + static_cast<size_t>(step.positions[index]) * state_, state_);
    hook.keep_output(row, to);
    hook.keep_or_replace_residual(row, to);
  }
}

template <typename KvDtype>
void Decoder<KvDtype>::normalise_residual(const LayerNorm& norm, size_t rows) {
  for (size_t row = 0; row < rows; ++row) norm.apply(residual_.as<float>() + row * state_, normed_.row(row));
  quantise(normed_, rows);
  clock_.spent_on(Part::norms);
}

template <typename KvDtype>
void Decoder<KvDtype>::quantise(Activations& activations, size_t rows) {
  if (!is_int8) return;
  for (size_t row = 0; row < rows; ++row) activations.quantise(row);
}

/** Adds the output of a linear layer to the residual stream. */
template <typename KvDtype>
void Decoder<KvDtype>::add_projection(const RowLinear& linear, Activations& input, size_t rows, const BlockHook& hook) {
  quantise(input, rows);
  pool_.parallel_for(state_ / outputs_per_item, [&](size_t item, size_t) {
    const size_t first = item * outputs_per_item;
    float* projected = projected_.as<float>() + first;
    linear.multiply(input, rows, first, first + outputs_per_item, projected, state_);
    for (size_t row = 0; row < rows; ++row)
      add_row(residual_.as<float>() + row * state_ + first, projected + row * state_, outputs_per_item);
  });
  for (size_t row = 0; row < rows; ++row) {
    hook.keep_output(row, projected_.as<float>() + row * state_);
    hook.keep_or_replace_residual(row, residual_.as<float>() + row * state_);
  }
  clock_.spent_on(Part::linear);
}

/** The outputs of a linear layer that belong to one head, which no other thread reads or writes. */
template <typename KvDtype>
void Decoder<KvDtype>::project(const RowLinear& linear, size_t head, size_t rows, MemoryBlock& to) {
  const size_t first = head * head_size_;
  linear.multiply(normed_, rows, first, first + head_size_, to.as<float>() + first, state_);
}

/** Writes the new keys and values of a head into the cache, and computes the self-attention of each sequence. */
template <typename KvDtype>
template <size_t vectors>
void Decoder<KvDtype>::self_attention(size_t layer, size_t head, const DecoderRequest<KvDtype>& request, size_t first_row,
                                 Scratch& scratch) {
  const Step& step = request.step;
  KvCache& cache = request.cache;
  const size_t rows = step.tokens.size();
  const size_t first = head * head_size_;
  for (size_t row = 0; row < rows; ++row) {
    const size_t from = (first_row + row) * state_ + first;
    std::copy_n(keys_.as<float>() + from, head_size_, cache.keys(layer, step.first_entry + row) + first);
    std::copy_n(values_.as<float>() + from, head_size_, cache.values(layer, step.first_entry + row) + first);
  }
  const float* queries = queries_.as<float>() + first_row * state_ + first;
  const float scale = log2_e / std::sqrt(static_cast<float>(head_size_));
  auto* scores = scratch.scores.template as<float>();
  for (size_t row = 0; row < rows; ++row) {
    const size_t sequence = row / step.tokens_per_sequence;
    const size_t past_start = sequence == 0 ? 0 : static_cast<size_t>(step.past_ends[sequence - 1]);
    const size_t past_count = static_cast<size_t>(step.past_ends[sequence]) - past_start;
    const size_t own_start = step.first_entry + sequence * step.tokens_per_sequence;
    const size_t count = past_count + row % step.tokens_per_sequence + 1;
    const auto entry_at = [&](size_t i) {
      return i < past_count ? static_cast<size_t>(step.past_entries[past_start + i]) : own_start + i - past_count;
    };
    Floats query[vectors];
    for (size_t v = 0; v < vectors; ++v) query[v] = load(queries + row * state_ + v * lanes) * broadcast(scale);
    for (size_t i = 0; i < count; ++i) {
      const float* key = cache.keys(layer, entry_at(i)) + first;
      Floats sum = query[0] * load(key);
      for (size_t v = 1; v < vectors; ++v) sum = multiply_add(query[v], load(key + v * lanes), sum);
      scores[i] = sum_of(sum);
    }
    const Floats inverse = broadcast(1.0F / softmax_in_place(scores, count));
    Floats mixed[vectors] = {};
    for (size_t i = 0; i < count; ++i) {
      const float* value = cache.values(layer, entry_at(i)) + first;
      for (size_t v = 0; v < vectors; ++v)
        mixed[v] = multiply_add(broadcast(scores[i]), load(value + v * lanes), mixed[v]);
    }
    for (size_t v = 0; v < vectors; ++v)
      store(attention_output_.row(first_row + row) + first + v * lanes, mixed[v] * inverse);
  }
}

/** The cross-attention of a head to the windows of the sequences. */
template <typename KvDtype>
template <size_t vectors>
void Decoder<KvDtype>::cross_attention(size_t layer, size_t head, const DecoderRequest<KvDtype>& request, size_t first_row,
                                  Scratch& scratch) {
  const Step& step = request.step;
  const CrossKv<KvDtype>& cross_kv = request.cross_kv;
  float* attention = request.attention;
  const size_t rows = step.tokens.size();
  auto* scores = scratch.scores.template as<float>();
  const auto window_of = [&](size_t row) { return static_cast<size_t>(step.windows[row / step.tokens_per_sequence]); };
  for (size_t row = 0; row < rows;) {
    const size_t window = window_of(row);
    const size_t behind = row + queries_together;
    // Alignment scores are kept before the softmax, one row at a time.
    if (attention == nullptr && behind <= rows && window_of(behind - 1) == window) {
      cross_attention_scores<vectors, queries_together>(layer, head, first_row + row, window, cross_kv, scores);
      mix_values<vectors, queries_together>(layer, head, first_row + row, window, cross_kv, scores);
      row = behind;
    } else {
      cross_attention_scores<vectors, 1>(layer, head, first_row + row, window, cross_kv, scores);
      if (attention != nullptr) keep_alignment_scores(layer, head, row, step, scores, attention);
      mix_values<vectors, 1>(layer, head, first_row + row, window, cross_kv, scores);
      ++row;
    }
  }
}

/** Scores of some rows multiplied by log2 e, f32 [row_count][padded positions]. */
template <typename KvDtype>
template <size_t vectors, size_t row_count>
void Decoder<KvDtype>::cross_attention_scores(size_t layer, size_t head, size_t first, size_t window, const CrossKv<KvDtype>& cross_kv,
                             float* scores) {
  constexpr size_t block = CrossKv<KvDtype>::block;
  constexpr size_t chunk = chunk_vectors(block / lanes, row_count);
  const size_t padded = cross_kv.padded();
  const auto* keys = cross_kv.keys(window, layer, head);
  const float* scales = cross_kv.key_scales(window, layer, head);
  const float* queries = queries_.as<float>() + first * state_ + head * head_size_;
  const Floats query_scale = broadcast(log2_e / std::sqrt(static_cast<float>(head_size_)));
  for (size_t position = 0; position < padded; position += chunk * lanes) {
    const auto* key = keys + position / block * block * head_size_ + position % block;
    Floats sums[row_count][chunk] = {};
    for (size_t channel = 0; channel < vectors * lanes; ++channel, key += block) {
      Floats values[chunk];
#pragma GCC unroll 4
      for (size_t v = 0; v < chunk; ++v) values[v] = KvDtype::read(key + v * lanes);
#pragma GCC unroll 4
      for (size_t row = 0; row < row_count; ++row) {
        const Floats query = broadcast(queries[row * state_ + channel]);
#pragma GCC unroll 4
        for (size_t v = 0; v < chunk; ++v) sums[row][v] = multiply_add(query, values[v], sums[row][v]);
      }
    }
#pragma GCC unroll 4
    for (size_t row = 0; row < row_count; ++row) {
#pragma GCC unroll 4
      for (size_t v = 0; v < chunk; ++v) {
        const size_t at = position + v * lanes;
        Floats score = sums[row][v] * query_scale;
        if constexpr (KvDtype::is_scaled) score *= load(scales + at);
        store(scores + row * padded + at, score);
      }
    }
  }
}

/** The softmax of the scores and the sum of the values weighted by it. */
template <typename KvDtype>
template <size_t vectors, size_t row_count>
void Decoder<KvDtype>::mix_values(size_t layer, size_t head, size_t first, size_t window, const CrossKv<KvDtype>& cross_kv,
                           float* scores) {
  constexpr size_t chunk = chunk_vectors(vectors, row_count);
  const size_t padded = cross_kv.padded();
  const size_t positions = dimensions_.n_audio_ctx;
  const auto* values = cross_kv.values(window, layer, head);
  const float* scales = cross_kv.value_scales(window, layer, head);
  float inverse_sums[row_count];
  for (size_t row = 0; row < row_count; ++row) {
    float* weights = scores + row * padded;
    inverse_sums[row] = 1.0F / softmax_in_place(weights, positions);
    if constexpr (KvDtype::is_scaled)
      for (size_t i = 0; i < positions; i += lanes) store(weights + i, load(weights + i) * load(scales + i));
  }
  for (size_t channel = 0; channel < vectors * lanes; channel += chunk * lanes) {
    // Two accumulators each, for two positions at a time: additions to a single one would wait for each other.
    Floats sums[2][row_count][chunk] = {};
    for (size_t position = 0; position < positions; position += 2) {
#pragma GCC unroll 2
      for (size_t i = 0; i < 2; ++i) {
        const auto* value = values + (position + i) * head_size_ + channel;
        Floats read[chunk];
#pragma GCC unroll 4
        for (size_t v = 0; v < chunk; ++v) read[v] = KvDtype::read(value + v * lanes);
#pragma GCC unroll 4
        for (size_t row = 0; row < row_count; ++row) {
          const Floats weight = broadcast(scores[row * padded + position + i]);
#pragma GCC unroll 4
          for (size_t v = 0; v < chunk; ++v) sums[i][row][v] = multiply_add(weight, read[v], sums[i][row][v]);
        }
      }
    }
    for (size_t row = 0; row < row_count; ++row) {
      float* to = attention_output_.row(first + row) + head * head_size_ + channel;
      for (size_t v = 0; v < chunk; ++v)
        store(to + v * lanes, (sums[0][row][v] + sums[1][row][v]) * broadcast(inverse_sums[row]));
    }
  }
}

template <typename KvDtype>
void Decoder<KvDtype>::keep_alignment_scores(size_t layer, size_t head, size_t row, const Step& step, const float* scores,
                              float* attention) const {
  const size_t positions = dimensions_.n_audio_ctx;
  for (size_t index = 0; index < alignment_heads_.size(); ++index) {
    if (alignment_heads_[index] != std::pair{layer, head}) continue;
    const size_t sequence = row / step.tokens_per_sequence;
    float* to = attention + ((sequence * alignment_heads_.size() + index) * step.tokens_per_sequence + row % step.tokens_per_sequence) * positions;
    for (size_t i = 0; i < positions; ++i) to[i] = scores[i] / log2_e;
  }
}

template class Decoder<Fp32Kv>;
template class Decoder<Int8Kv>;

}  // namespace WHISPER_CPU_LEVEL
