#include "whisper.h"

#include <algorithm>
#include <atomic>

#include "decoder.h"
#include "encoder.h"
#include "vocabulary.h"

namespace {

/** Loaded so far. */
std::atomic<uint64_t> models = 0;

/** Float32 throughout. */
struct FloatPrecision {
  using Kv = FloatKv;
  using EncoderType = Encoder<FloatLinear, Single, Single, Kv>;
};

/** Linear layers and the audio's keys and values in 8 bits; attention and convolutions in bfloat16. */
struct Int8Precision {
  using Kv = Int8Kv;
  using EncoderType = Encoder<Int8Linear, BFloat16, BFloat16, Kv>;
};

/** The same for processors without bfloat16. */
struct Int8FloatPrecision {
  using Kv = Int8Kv;
  using EncoderType = Encoder<Int8Linear, Single, Single, Kv>;
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
        team_(options.threads),
        weights_(options.path, options.tensors),
        encoder_profile_("encoder", team_.size()),
        decoder_profile_("decoder", 1),
        encoder_(weights_, dimensions_, team_, encoder_profile_),
        decoder_(weights_, dimensions_, options.alignment_heads, team_, decoder_profile_.clock(0)),
        vocabulary_(weights_, dimensions_, team_) {}

  std::unique_ptr<Audio> allocate(size_t windows) override {
    return std::make_unique<AudioOf<Kv>>(dimensions_, windows, number_);
  }
  void encode(const float* log_mel, Audio& audio, size_t window) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, static_cast<AudioOf<Kv>&>(audio).kv, window); });
  }
  void encoder_output(const float* log_mel, float* output) override {
    encoder_profile_.execution([&] { encoder_.encode(log_mel, output); });
  }
  void step(const Step& step, const Audio& audio, TextCache& cache, float* attention) override {
    decoder_profile_.execution(
        [&] { decoder_.step(step, static_cast<const AudioOf<Kv>&>(audio).kv, cache, attention); });
    rows_ = step.tokens.size();
  }
  size_t rows() const override { return rows_; }
  void logits(std::span<const int32_t> rows, float* logits) override {
    in_vocabulary([&] { vocabulary_.logits(decoder_.states(), rows, logits); });
  }
  void highest_logits(std::span<const int32_t> rows, float* logits) override {
    in_vocabulary([&] { vocabulary_.highest_logits(decoder_.states(), rows, logits); });
  }
  Choice choose(int32_t row, const Allowed& allowed) override {
    Choice choice{};
    in_vocabulary([&] { choice = vocabulary_.choose(decoder_.states(), row, allowed); });
    return choice;
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

  uint64_t number_ = ++models;
  Dimensions dimensions_;
  Team team_;
  WeightsFile weights_;
  Profile encoder_profile_;
  Profile decoder_profile_;
  typename Precision::EncoderType encoder_;
  Decoder<Kv> decoder_;
  Vocabulary vocabulary_;
  size_t rows_ = 0;
};

}  // namespace

std::unique_ptr<Model> load_model(const ModelOptions& options) {
  const bool is_float = std::any_of(options.tensors.begin(), options.tensors.end(), [](const WeightPlace& tensor) {
    return tensor.name == "model.encoder.layers.0.fc1.weight";
  });
  if (is_float) return std::make_unique<ModelOf<FloatPrecision>>(options);
  if (options.has_bfloat16) return std::make_unique<ModelOf<Int8Precision>>(options);
  return std::make_unique<ModelOf<Int8FloatPrecision>>(options);
}
