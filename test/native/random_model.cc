#include "random_model.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>

namespace {

/** Writes a weights file of random numbers. */
class WeightsWriter {
 public:
  explicit WeightsWriter(bool is_int8) : is_int8_(is_int8) {}

  std::vector<float> floats(const std::string& name, size_t count, float spread) {
    std::uniform_real_distribution<float> distribution(-spread, spread);
    std::vector<float> values(count);
    for (float& value : values) value = distribution(random_);
    add(name, values);
    return values;
  }
  /** With the copy in 8 bits that screens the vocabulary. */
  void embedding(const std::string& name, size_t tokens, size_t state) {
    const std::vector<float> rows = floats(name, tokens * state, 0.5F);
    std::vector<uint8_t> blocks(rows.size());
    constexpr float scale = 0.5F / 127.0F;
    for (size_t i = 0; i < rows.size(); ++i) blocks[i] = static_cast<uint8_t>(128 + std::lround(rows[i] / scale));
    add(name + ".blocks", blocks);
    add(name + ".scales", std::vector<float>(rows.size() / block_size(state), scale));
  }
  /** A linear layer as the encoder or, in blocks, as the decoder reads it. */
  void linear(const std::string& name, size_t inputs, size_t outputs, bool in_blocks) {
    if (is_int8_) {
      bytes(name + ".weight", inputs, outputs, in_blocks);
    } else {
      floats(name + ".weight", inputs * outputs, spread_of(inputs));
    }
    if (!name.ends_with(".k_proj")) floats(name + ".bias", outputs, 0.1F);
  }
  void norm(const std::string& name, size_t size) {
    floats(name + ".weight", size, 1.0F);
    floats(name + ".bias", size, 0.1F);
  }

  RandomWeights take() { return std::move(weights_); }

 private:
  static size_t block_size(size_t inputs) { return inputs % 128 == 0 ? 128 : 64; }
  static float spread_of(size_t inputs) { return 1.7F / std::sqrt(static_cast<float>(inputs)); }

  void bytes(const std::string& name, size_t inputs, size_t outputs, bool in_blocks) {
    std::uniform_int_distribution<int> distribution(-127, 127);
    std::vector<int8_t> values(inputs * outputs);
    for (int8_t& value : values) value = static_cast<int8_t>(distribution(random_) + (in_blocks ? 128 : 0));
    add(name + (in_blocks ? ".blocks" : ".columns"), values);
    const size_t scales = in_blocks ? outputs * inputs / block_size(inputs) : outputs;
    add(name + ".scales", std::vector<float>(scales, spread_of(inputs) / 127.0F));
  }
  template <typename T>
  void add(const std::string& name, const std::vector<T>& values) {
    auto& [content, locations] = weights_;
    content.resize((content.size() + 63) / 64 * 64);
    const auto* bytes = reinterpret_cast<const char*>(values.data());
    locations.push_back({name, content.size(), values.size() * sizeof(T)});
    content.insert(content.end(), bytes, bytes + values.size() * sizeof(T));
  }

  bool is_int8_;
  std::mt19937 random_{7};
  RandomWeights weights_;
};

void write_attention(WeightsWriter& weights, const std::string& name, size_t state, bool is_text, bool sees_audio) {
  for (const char* part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"}) {
    const bool is_of_audio = sees_audio && (std::string(part) == ".k_proj" || std::string(part) == ".v_proj");
    weights.linear(name + part, state, state, is_text && !is_of_audio);
  }
}

void write_layer(WeightsWriter& weights, const std::string& name, size_t state, bool is_text) {
  weights.norm(name + ".self_attn_layer_norm", state);
  write_attention(weights, name + ".self_attn", state, is_text, false);
  if (is_text) {
    weights.norm(name + ".encoder_attn_layer_norm", state);
    write_attention(weights, name + ".encoder_attn", state, true, true);
  }
  weights.norm(name + ".final_layer_norm", state);
  weights.linear(name + ".fc1", state, 4 * state, is_text);
  weights.linear(name + ".fc2", 4 * state, state, is_text);
}

}  // namespace

std::vector<std::pair<Numbers, std::string>> numbers_of(const Level& level) {
  std::vector<std::pair<Numbers, std::string>> numbers{{Numbers::float32, " in float32"},
                                                       {Numbers::int8_and_float32, " in int8 and float32"}};
  if (level.name == std::string("avx512") && has_bfloat16())
    numbers.emplace_back(Numbers::int8_and_bfloat16, " in int8 and bfloat16");
  return numbers;
}

RandomWeights random_weights(const Dimensions& dimensions, Numbers numbers) {
  const size_t state = dimensions.n_text_state;
  WeightsWriter weights(numbers != Numbers::float32);
  weights.floats("model.encoder.conv1.weight", state * dimensions.n_mels * 3, 0.3F);
  weights.floats("model.encoder.conv1.bias", state, 0.1F);
  weights.floats("model.encoder.conv2.weight", state * state * 3, 0.1F);
  weights.floats("model.encoder.conv2.bias", state, 0.1F);
  weights.floats("model.encoder.embed_positions.weight", dimensions.n_audio_ctx * state, 0.5F);
  weights.norm("model.encoder.layer_norm", state);
  weights.embedding("model.decoder.embed_tokens.weight", dimensions.n_vocab, state);
  weights.floats("model.decoder.embed_positions.weight", dimensions.n_text_ctx * state, 0.5F);
  weights.norm("model.decoder.layer_norm", state);
  for (size_t layer = 0; layer < dimensions.n_audio_layer; ++layer)
    write_layer(weights, "model.encoder.layers." + std::to_string(layer), state, false);
  for (size_t layer = 0; layer < dimensions.n_text_layer; ++layer)
    write_layer(weights, "model.decoder.layers." + std::to_string(layer), state, true);
  return weights.take();
}

TemporaryFile::TemporaryFile(const std::vector<char>& content)
    : path_(std::string(P_tmpdir) + "/whisper-npu-cpu-test-" + std::to_string(getpid())) {
  std::ofstream(path_, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
}

TemporaryFile::~TemporaryFile() { std::remove(path_.c_str()); }

std::vector<float> random_log_mel(const Dimensions& dimensions, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  std::vector<float> values(dimensions.n_mels * 2 * dimensions.n_audio_ctx);
  for (float& value : values) value = distribution(random);
  return values;
}

Sequences::Sequences(const std::vector<int32_t>& tokens, size_t texts, size_t past) : tokens(tokens) {
  const size_t width = tokens.size() / texts;
  for (size_t text = 0; text < texts; ++text) {
    windows.push_back(static_cast<int32_t>(text));
    for (size_t i = 0; i < width; ++i) positions.push_back(static_cast<int32_t>(past + i));
    for (size_t i = 0; i < past; ++i) past_entries.push_back(static_cast<int32_t>(i * texts + text));
    past_ends.push_back(static_cast<int32_t>(past_entries.size()));
  }
}
