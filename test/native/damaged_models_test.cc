// Loads models whose table of tensors, weights file or sizes are damaged, and computes with those that load. Whatever comes
// of it is right but what the sanitizers find, and errors that are not about the model.
//
//   WHISPER_NPU_TEST_DAMAGED_MODELS=5000 damaged_models_test     so many models, 200 by default
//   damaged_models_test 4711                                     the model of that number again
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

#include "expect.h"
#include "random_model.h"

namespace {

using Random = std::mt19937;

size_t below(Random& random, size_t limit) { return limit == 0 ? 0 : random() % limit; }
bool chance(Random& random, size_t one_in) { return below(random, one_in) == 0; }
template <typename T, size_t count>
T pick(Random& random, const T (&values)[count]) {
  return values[below(random, count)];
}

constexpr size_t most = std::numeric_limits<size_t>::max();

/** Every width of heads, sizes that end in the middle of blocks, and the smallest there are. */
constexpr Dimensions all_dimensions[]{
    {.n_mels = 10, .n_audio_ctx = 75, .n_audio_state = 64, .n_audio_head = 2, .n_audio_layer = 2,
     .n_text_ctx = 24, .n_text_state = 64, .n_text_head = 2, .n_text_layer = 2, .n_vocab = 700},
    {.n_mels = 4, .n_audio_ctx = 33, .n_audio_state = 64, .n_audio_head = 1, .n_audio_layer = 1,
     .n_text_ctx = 9, .n_text_state = 64, .n_text_head = 4, .n_text_layer = 1, .n_vocab = 129},
    {.n_mels = 6, .n_audio_ctx = 66, .n_audio_state = 128, .n_audio_head = 8, .n_audio_layer = 1,
     .n_text_ctx = 12, .n_text_state = 128, .n_text_head = 2, .n_text_layer = 1, .n_vocab = 70},
    {.n_mels = 2, .n_audio_ctx = 1, .n_audio_state = 64, .n_audio_head = 4, .n_audio_layer = 1,
     .n_text_ctx = 3, .n_text_state = 64, .n_text_head = 1, .n_text_layer = 1, .n_vocab = 1},
};

constexpr size_t Dimensions::* sizes[]{
    &Dimensions::n_mels,     &Dimensions::n_audio_ctx,  &Dimensions::n_audio_state, &Dimensions::n_audio_head,
    &Dimensions::n_audio_layer, &Dimensions::n_text_ctx, &Dimensions::n_text_state, &Dimensions::n_text_head,
    &Dimensions::n_text_layer, &Dimensions::n_vocab,
};

/** A model before it is loaded. */
struct Prepared {
  RandomWeights weights;
  Dimensions dimensions;
  AlignmentHeads alignment_heads;
};

/** What a damaged model may be. */
enum class Outcome { any, refused, as_before };

TensorLocation& any_location(Prepared& model, Random& random) {
  return model.weights.locations[below(random, model.weights.locations.size())];
}

Outcome damage_name(Prepared& model, Random& random) {
  TensorLocation& location = any_location(model, random);
  const std::string& name = location.name;
  const size_t last_dot = name.rfind('.');
  const bool has_scale = name.ends_with(".blocks") || name.ends_with(".columns") || name.ends_with(".scales");
  location.name = pick<std::string>(random, {"", name + "x", name.substr(1), name + std::string(1, '\0'),
                                          std::string(100'000, 'a'), "model." + name, name.substr(0, last_dot)});
  if (has_scale && chance(random, 2))
    location.name = name.substr(0, last_dot) + pick<std::string>(random, {".blocks", ".columns", ".scales", ""});
  return Outcome::any;
}

Outcome damage_offset(Prepared& model, Random& random) {
  TensorLocation& location = any_location(model, random);
  const size_t before = location.offset;
  const size_t end = model.weights.content.size();
  location.offset = pick(random, {size_t{0}, before + 1, before + 4, before + 32, before + 63, before + 64, before - 64,
                               before * 2, below(random, end + 1), end, end - 1, end - 64, most, most - 63, most / 2 + 1,
                               most - location.size_bytes + 1, any_location(model, random).offset});
  return location.offset % 64 == 0 ? Outcome::any : Outcome::refused;
}

Outcome damage_size(Prepared& model, Random& random) {
  TensorLocation& location = any_location(model, random);
  const size_t before = location.size_bytes;
  location.size_bytes = pick(random, {size_t{0}, size_t{1}, before + 1, before - 1, before + 4, before - 4, before * 2, before / 2,
                                   before * 4, before / 4, most, most / 2 + 1, most - location.offset, most - location.offset + 1,
                                   model.weights.content.size() - location.offset});
  return location.size_bytes == before ? Outcome::as_before : Outcome::refused;
}

Outcome damage_order(Prepared& model, Random& random) {
  auto& locations = model.weights.locations;
  std::shuffle(locations.begin(), locations.end(), random);
  return Outcome::as_before;
}

Outcome drop_tensor(Prepared& model, Random& random) {
  auto& locations = model.weights.locations;
  locations.erase(locations.begin() + static_cast<ptrdiff_t>(below(random, locations.size())));
  return Outcome::refused;
}

Outcome name_twice(Prepared& model, Random& random) {
  auto& locations = model.weights.locations;
  const TensorLocation copy = any_location(model, random);
  locations.insert(locations.begin() + static_cast<ptrdiff_t>(below(random, locations.size() + 1)), copy);
  if (chance(random, 2)) any_location(model, random).name = copy.name;
  return Outcome::refused;
}

Outcome swap_places(Prepared& model, Random& random) {
  TensorLocation& one = any_location(model, random);
  TensorLocation& other = any_location(model, random);
  std::swap(one.offset, other.offset);
  if (chance(random, 2)) std::swap(one.size_bytes, other.size_bytes);
  return Outcome::any;
}

Outcome cut_file(Prepared& model, Random& random) {
  auto& content = model.weights.content;
  const size_t end = content.size();
  if (end == 0) return Outcome::any;
  content.resize(pick(random, {size_t{0}, size_t{1}, end - 1, end - 4, end - 64, end / 4096 * 4096, below(random, end)}));
  return content.size() == end ? Outcome::as_before : Outcome::refused;
}

Outcome lengthen_file(Prepared& model, Random& random) {
  model.weights.content.resize(model.weights.content.size() + 1 + below(random, 10'000), static_cast<char>(random()));
  return Outcome::as_before;
}

/** Bytes as they come, or the same ones all over a stretch. */
Outcome damage_bytes(Prepared& model, Random& random) {
  auto& content = model.weights.content;
  const size_t from = below(random, content.size());
  const size_t count = std::min(content.size() - from, size_t{1} << below(random, 18));
  const int repeated = pick(random, {-1, 0, 0xff, 0x7f, 0x80});
  for (size_t i = from; i < from + count; ++i) content[i] = static_cast<char>(repeated < 0 ? random() : repeated);
  return Outcome::any;
}

/** Floats that are hard to compute with, in one tensor or in all. */
Outcome damage_floats(Prepared& model, Random& random) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float value = pick(random, {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), 3e38F, -3e38F, 1e-42F, 0.0F,
                                    -0.0F, 1e20F});
  const auto& locations = model.weights.locations;
  const bool in_all = chance(random, 4);
  const size_t one = below(random, locations.size());
  for (size_t index = in_all ? 0 : one; index < (in_all ? locations.size() : one + 1); ++index) {
    const auto& [name, offset, size_bytes] = locations[index];
    // What another damage has put elsewhere stays as it is.
    if (offset > model.weights.content.size() || size_bytes > model.weights.content.size() - offset) continue;
    const size_t count = size_bytes / sizeof value;
    for (size_t i = chance(random, 3) ? 0 : below(random, count); i < count; i += 1 + below(random, count)) {
      const auto* bytes = reinterpret_cast<const char*>(&value);
      std::copy_n(bytes, sizeof value, model.weights.content.data() + offset + i * sizeof value);
    }
  }
  return Outcome::any;
}

Outcome damage_dimension(Prepared& model, Random& random) {
  size_t& size = model.dimensions.*pick(random, sizes);
  const size_t before = size;
  // Sizes beyond 2^32 wrap around where bytes are counted: the last ones to what the file has.
  size = pick(random, {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{4}, size_t{8}, size_t{15}, size_t{16}, size_t{17},
                       size_t{64}, size_t{65}, size_t{128}, size_t{192}, size_t{65'536}, size_t{1'000'000}, size_t{1'000'001},
                       before + 1, before - 1, before * 2, before / 2, most, most - 63, most / 2 + 1,
                       (size_t{1} << 32) + before, (size_t{1} << 54) + before, (size_t{1} << 55) + before,
                       (size_t{1} << 56) + before, (size_t{1} << 62) + before});
  if (size == before) return Outcome::as_before;
  return size > 1'000'000 ? Outcome::refused : Outcome::any;  // a model with other heads has the same tensors
}

Outcome damage_heads(Prepared& model, Random& random) {
  const Dimensions& dimensions = model.dimensions;
  const auto number = [&](size_t limit) {
    return pick(random, {size_t{0}, limit - 1, limit, limit + 1, (size_t{1} << 32), most});
  };
  const auto [layer, head] = std::pair{number(dimensions.n_text_layer), number(dimensions.n_text_head)};
  model.alignment_heads.emplace_back(layer, head);
  return layer < dimensions.n_text_layer && head < dimensions.n_text_head ? Outcome::as_before : Outcome::refused;
}

/** The weights of another model. */
Outcome mix_models(Prepared& model, Random& random) {
  model.dimensions = pick(random, all_dimensions);
  return Outcome::any;
}

constexpr Outcome (*damages[])(Prepared&, Random&){
    damage_name,  damage_offset, damage_size,  damage_order,     drop_tensor,  name_twice,   swap_places, cut_file,
    lengthen_file, damage_bytes, damage_floats, damage_dimension, damage_heads, mix_models};

/** Windows, prompts, steps, choices and a look at every block. */
std::vector<float> computed(Model& model, const Dimensions& dimensions) {
  std::vector<float> results(dimensions.n_audio_ctx * dimensions.n_audio_state);
  const std::vector<float> log_mel = random_log_mel(dimensions, 1);
  model.encoder_output(log_mel.data(), results.data());
  const auto audio = model.allocate(2);
  for (size_t window = 0; window < 2; ++window)
    model.encode(random_log_mel(dimensions, static_cast<uint32_t>(window)).data(), *audio, window);
  const auto token = [&](size_t number) { return static_cast<int32_t>(number * 37 % dimensions.n_vocab); };
  const size_t prompt = std::min<size_t>(5, dimensions.n_text_ctx);
  KvCache cache(dimensions);
  std::vector<int32_t> tokens;
  for (size_t i = 0; i < 2 * prompt; ++i) tokens.push_back(token(i));
  std::vector<float> mask(dimensions.n_vocab);
  for (size_t i = 0; i < mask.size(); i += 3) mask[i] = -std::numeric_limits<float>::infinity();
  for (size_t past = 0; past < std::min(prompt + 3, dimensions.n_text_ctx); past += past == 0 ? prompt : 1) {
    if (past > 0) tokens = {token(past), token(past + 9)};
    const Sequences texts(tokens, 2, past);
    std::vector<float> attention(tokens.size() * model.alignment_head_count() * dimensions.n_audio_ctx);
    step_alone(model, texts.step(), *audio, cache, past % 2 == 0 ? attention.data() : nullptr);
    const int32_t row = static_cast<int32_t>(tokens.size()) - 1;
    results.resize(results.size() + dimensions.n_vocab);
    model.logits({&row, 1}, results.data() + results.size() - dimensions.n_vocab);
    for (const size_t timestamp_begin : {dimensions.n_vocab, dimensions.n_vocab / 2}) {
      const Choice choice = model.choose(row, {mask.data(), timestamp_begin});
      EXPECT(choice.token >= 0 && static_cast<size_t>(choice.token) < dimensions.n_vocab);
    }
  }
  BlockProbe probe({});
  const std::vector<int32_t> text{token(1)};
  results.resize(results.size() + dimensions.n_vocab);
  model.probe(log_mel.data(), text, probe, results.data() + results.size() - dimensions.n_vocab);
  return results;
}

struct Counts {
  size_t refused = 0;
  size_t computed = 0;
};

class DamagedModels {
 public:
  /** Which numbers are the same on every machine but for the level. */
  void try_model(size_t number) {
    Random random(static_cast<Random::result_type>(number));
    const Level level = pick_of(supported_levels(), random);
    const Numbers numbers = pick_of(numbers_of(level), random).first;
    const size_t threads = 1 + below(random, 3);
    const size_t which = below(random, std::size(all_dimensions));
    const auto load = [&](const Prepared& model) {
      const TemporaryFile file(model.weights.content);
      return level.load_model({file.path(), model.weights.locations, model.dimensions, model.alignment_heads, threads,
                               numbers == Numbers::int8_and_bfloat16});
    };
    const Prepared& whole = whole_model(which, numbers);
    Prepared damaged = whole;
    Outcome expected = damages[below(random, std::size(damages))](damaged, random);
    if (chance(random, 4)) {
      damages[below(random, std::size(damages))](damaged, random);
      expected = Outcome::any;  // one damage may undo the other, or hide it
    }
    std::unique_ptr<Model> model;
    try {
      model = load(damaged);
    } catch (const std::bad_alloc&) {
      throw;  // what does not fit is told before there is memory for it
    } catch (const std::runtime_error&) {
      EXPECT(expected != Outcome::as_before);
      ++counts.refused;
      return;
    } catch (const std::invalid_argument&) {
      EXPECT(expected != Outcome::as_before);
      ++counts.refused;
      return;
    }
    EXPECT(expected != Outcome::refused);
    const std::vector<float> results = computed(*model, damaged.dimensions);
    ++counts.computed;
    if (expected == Outcome::as_before) EXPECT(results == computed(*load(whole), whole.dimensions));
  }

  Counts counts;

 private:
  template <typename T>
  static T pick_of(const std::vector<T>& values, Random& random) {
    return values[below(random, values.size())];
  }

  const Prepared& whole_model(size_t which, Numbers numbers) {
    auto& model = whole_[{which, numbers}];
    const Dimensions& dimensions = all_dimensions[which];
    if (!model.has_value()) model = {random_weights(dimensions, numbers), dimensions, {{dimensions.n_text_layer - 1, 0}}};
    return *model;
  }

  std::map<std::pair<size_t, Numbers>, std::optional<Prepared>> whole_;
};

size_t model_at_work = 0;

}  // namespace

int main(int argument_count, char** arguments) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback([] { std::cerr << "at the damaged model " << model_at_work << std::endl; });
#endif
  const char* asked = std::getenv("WHISPER_NPU_TEST_DAMAGED_MODELS");
  const bool is_one = argument_count > 1;
  const size_t first = is_one ? std::stoul(arguments[1]) : 0;
  const size_t count = is_one ? 1 : asked != nullptr ? std::stoul(asked) : 200;
  DamagedModels models;
  size_t failed = 0;
  for (model_at_work = first; model_at_work < first + count; ++model_at_work) {
    try {
      models.try_model(model_at_work);
    } catch (const std::exception& error) {
      ++failed;
      std::cout << "FAIL the damaged model " << model_at_work << ": " << error.what() << std::endl;
    }
  }
  const auto [refused, computed] = models.counts;
  std::cout << count << " damaged models: " << refused << " refused, " << computed << " computed, " << failed << " failed"
            << std::endl;
  // Where nearly all are refused, or none, the damage is not what it should be.
  const bool is_balanced = is_one || (refused > count / 4 && computed > count / 8);
  return failed == 0 && is_balanced ? 0 : 1;
}
