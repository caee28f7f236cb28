#include "../model.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "decoder.h"
#include "encoder.h"
#include "encoder_attention.h"
#include "short_attention.h"
#include "vocabulary.h"

namespace WHISPER_CPU_LEVEL {

namespace {

/** Float32 throughout. */
struct FloatPrecision {
  using Kv = FloatKv;
  using EncoderType = Encoder<FloatLinear, EncoderAttention<Fp32>, Fp32, Kv>;
};

/** Linear layers and the audio's keys and values in 8 bits; convolutions in `Kind`. */
template <typename Attention, typename Kind>
struct Int8Precision {
  using Kv = Int8Kv;
  using EncoderType = Encoder<Int8Linear, Attention, Kind, Kv>;
};

template <typename Kv>
class AudioOf final : public Audio {
 public:
  AudioOf(const Dimensions& dimensions, size_t windows, uint64_t model_number)
      : kv(dimensions, windows), model_number_(model_number) {}
  size_t windows() const override { return kv.windows(); }
  uint64_t model_number() const override { return model_number_; }

  CrossKv<Kv> kv;

 private:
  uint64_t model_number_;
};

template <typename Precision>
class ModelOf final : public Model {
 public:
  using Kv = typename Precision::Kv;

  explicit ModelOf(const ModelOptions& options)
      : dimensions_(options.dimensions),
        pool_(options.threads),
        weights_(options.path, options.tensors),
        encoder_profile_("encoder", pool_.size()),
        decoder_profile_("decoder", 1),
        encoder_(weights_, dimensions_, pool_, encoder_profile_),
        decoder_(weights_, dimensions_, options.alignment_heads, pool_, decoder_profile_.clock(0)),
        vocabulary_(weights_, dimensions_, pool_) {}

  std::unique_ptr<Audio> allocate(size_t windows) override {
    return std::make_unique<AudioOf<Kv>>(dimensions_, windows, number_);
  }
  void encode(const float* log_mel, Audio& audio, size_t window) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, static_cast<AudioOf<Kv>&>(audio).kv, window); });
  }
  void encoder_output(const float* log_mel, float* output) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, output); });
  }
  void step(std::span<const StepPart> parts) override {
    std::vector<DecoderPart<Kv>> own;
    size_t rows = 0;
    for (const auto& [step, audio, cache, attention] : parts) {
      own.push_back({step, static_cast<const AudioOf<Kv>&>(audio).kv, cache, attention});
      rows += step.tokens.size();
    }
    decoder_profile_.execution([&] { decoder_.step(own); });
    rows_ = rows;
  }
  size_t rows() const override { return rows_; }
  void logits(std::span<const int32_t> rows, float* logits) override {
    in_vocabulary([&] { vocabulary_.logits(decoder_.states(), rows, logits); });
  }
  Choice choose(int32_t row, const Allowed& allowed) override {
    Choice choice{};
    in_vocabulary([&] { choice = vocabulary_.choose(decoder_.states(), row, allowed); });
    return choice;
  }
  void probe(const float* log_mel, std::span<const int32_t> tokens, BlockProbe& probe, float* logits) override {
    AudioOf<Kv> audio(dimensions_, 1, number_);
    encoder_.encode(log_mel, audio.kv, 0, &probe);
    std::vector<int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), 0);
    constexpr int32_t window = 0;
    constexpr int32_t past_end = 0;
    const Step step{.tokens = tokens,
                    .positions = positions,
                    .width = tokens.size(),
                    .first_row = 0,
                    .windows = {&window, 1},
                    .past_rows = {},
                    .past_ends = {&past_end, 1}};
    TextCache cache(dimensions_);
    const DecoderPart<Kv> part{step, audio.kv, cache, nullptr};
    decoder_.step({&part, 1}, &probe);
    rows_ = tokens.size();
    const auto last = static_cast<int32_t>(rows_ - 1);
    vocabulary_.logits(decoder_.states(), {&last, 1}, logits);
  }
  std::vector<GraphTimes> times() const override { return {encoder_profile_.times(), decoder_profile_.times()}; }
  const Dimensions& dimensions() const override { return dimensions_; }
  uint64_t number() const override { return number_; }
  size_t alignment_head_count() const override { return decoder_.alignment_head_count(); }

 private:
  template <typename Work>
  void in_vocabulary(const Work& work) {
    decoder_profile_.rest_of_execution([&] {
      Clock& clock = decoder_profile_.clock(0);
      clock.start();
      work();
      clock.spent_on(Part::vocabulary);
    });
  }

  uint64_t number_ = ++loaded_models;
  Dimensions dimensions_;
  ThreadPool pool_;
  WeightsFile weights_;
  Profile encoder_profile_;
  Profile decoder_profile_;
  typename Precision::EncoderType encoder_;
  Decoder<Kv> decoder_;
  Vocabulary vocabulary_;
  size_t rows_ = 0;
};

/** Both void on levels where there are no products of them that are faster than those of floats. */
template <typename BFloat16Kind, typename Int16Kind>
std::unique_ptr<Model> load_int8_model(const ModelOptions& options) {
  if constexpr (!std::is_void_v<BFloat16Kind>) {
    if (options.has_bfloat16)
      return std::make_unique<ModelOf<Int8Precision<EncoderAttention<BFloat16Kind>, BFloat16Kind>>>(options);
  }
  if constexpr (std::is_void_v<Int16Kind>) {
    return std::make_unique<ModelOf<Int8Precision<EncoderAttention<Fp32>, Fp32>>>(options);
  } else {
    return std::make_unique<ModelOf<Int8Precision<ShortAttention<Int16Kind>, Fp32>>>(options);
  }
}

/** What the weights file does not tell. */
void check(const ModelOptions& options) {
  const Dimensions& dimensions = options.dimensions;
  if (!fit_engine(dimensions) || options.threads == 0)
    throw std::invalid_argument("there is no engine for these sizes");
  for (const auto& [layer, head] : options.alignment_heads) {
    if (layer >= dimensions.n_text_layer || head >= dimensions.n_text_head) {
      throw std::invalid_argument("there is no head " + std::to_string(head) + " in layer " + std::to_string(layer) +
                                  " to follow the audio");
    }
  }
}

}  // namespace

std::unique_ptr<Model> load_model(const ModelOptions& options) {
  check(options);
  const bool is_float = std::any_of(options.tensors.begin(), options.tensors.end(), [](const WeightPlace& tensor) {
    return tensor.name == "model.encoder.layers.0.fc1.weight";
  });
  if (is_float) return std::make_unique<ModelOf<FloatPrecision>>(options);
  return load_int8_model<BFloat16, Int16>(options);
}

}  // namespace WHISPER_CPU_LEVEL
