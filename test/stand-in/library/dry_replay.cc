#include "dry_replay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace stand_in {
namespace {

/** What a window's cross_k_0 begins with once it has been encoded. */
struct WindowTag {
  std::uint32_t mark = 0;
  std::uint32_t key = 0;
};
constexpr std::uint32_t kMark = 0x57494E44;

/** The logit of a token that was recorded; all others are 0. */
constexpr float kLogit = 20;
constexpr float kOtherLogprob = -20;

constexpr std::uint64_t kStateBytes = 64;
/** Places in a state (src/model/greedy-state.ts). */
enum StateField { kToken = 0, kPosition = 1, kRow = 2, kLogprob = 9, kLogSum = 10 };
using State = std::array<float, kStateBytes / sizeof(float)>;

struct NothingRecorded : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** FNV-1a over the numbers that are kept of a log-mel spectrogram, as scripts/record-tokens.mjs reckons it too. */
std::uint32_t key_of(std::span<const std::byte> log_mel) {
  std::uint32_t key = 0x811C9DC5;
  for (std::size_t at = 0; at + 4 <= std::min<std::size_t>(log_mel.size(), kKeptBytes); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, log_mel.data() + at, 4);
    key = (key ^ word) * 0x01000193;
  }
  return key;
}

/** atc names an output `node:index:tensor`. */
std::string tensor_name(const std::string& name) { return name.substr(name.rfind(':') + 1); }

DeviceRange part(const DeviceRange& whole, std::uint64_t offset, std::uint64_t size) {
  return {whole.allocation, whole.allocation_size, whole.offset + offset, size};
}

template <class T>
T load(std::span<const std::byte> from) {
  T value;
  std::memcpy(&value, from.data(), sizeof value);
  return value;
}

template <class T>
void store(std::span<std::byte> to, const T& value) {
  std::memcpy(to.data(), &value, sizeof value);
}

std::string hexadecimal(std::uint32_t key) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", key);
  return text.data();
}

}  // namespace

Answer DryReplay::run(const OmInfo& info, const std::vector<DeviceRange>& places) {
  Tensors tensors;
  std::size_t next = 0;
  for (const std::vector<TensorInfo>* side : {&info.inputs, &info.outputs}) {
    for (const TensorInfo& tensor : *side) tensors[tensor_name(tensor.name)] = {&tensor, places[next++]};
  }
  try {
    if (tensors.contains("log_mel") && tensors.contains("cross_k_0")) encode(tensors);
    if (tensors.contains("state") && tensors.contains("next_state")) greedy_step(tensors);
    if (tensors.contains("tokens") && tensors.contains("logits")) rows(tensors);
  } catch (const NothingRecorded& nothing) {
    return {kRtAiCoreException, nothing.what()};
  }
  return {};
}

void DryReplay::forget(std::uint64_t allocation) {
  chosen_.erase(chosen_.lower_bound({allocation, 0}), chosen_.lower_bound({allocation + 1, 0}));
}

void DryReplay::encode(const Tensors& tensors) {
  const WindowTag tag{kMark, key_of(memory_.view(tensors.at("log_mel").place))};
  store(memory_.view(tensors.at("cross_k_0").place), tag);
}

void DryReplay::greedy_step(const Tensors& tensors) {
  const Tensor& from = tensors.at("state");
  const Tensor& logits = tensors.at("logits");
  const float others = static_cast<float>(logits.info->dims.back() - 1);
  const float log_sum = std::log(std::exp(kLogit) + others);
  for (std::uint64_t window = 0; window < from.place.size / kStateBytes; ++window) {
    auto state = load<State>(memory_.view(part(from.place, window * kStateBytes, kStateBytes)));
    const auto place = static_cast<std::int64_t>(state[kPosition]) + 1;
    const std::int32_t chosen = token(tensors, window, place);
    state[kToken] = static_cast<float>(chosen);
    state[kPosition] += 1;
    state[kRow] += 1;
    state[kLogprob] = kLogit - log_sum;
    state[kLogSum] = log_sum;
    store(memory_.view(part(tensors.at("next_state").place, window * kStateBytes, kStateBytes)), state);
    write_logits(logits, window, chosen);
  }
}

/** Graphs that are given tokens: one text's, where the last of them has logits, or a row for each. */
void DryReplay::rows(const Tensors& tensors) {
  const auto integer = [&](const char* name, std::uint64_t index) {
    return load<std::int32_t>(memory_.view(part(tensors.at(name).place, index * 4, 4)));
  };
  const Tensor& logits = tensors.at("logits");
  const auto given = tensors.at("tokens").place.size / 4;
  if (const auto found = tensors.find("position"); found != tensors.end()) {
    write_logits(logits, 0, token(tensors, 0, integer("position", 0) + static_cast<std::int64_t>(given)));
    return;
  }
  const auto& cross = tensors.at("cross_k_0").info->dims;
  const std::uint64_t windows = cross.size() == 3 ? static_cast<std::uint64_t>(cross.front()) : 1;
  const auto candidates = tensors.find("candidate_tokens");
  const auto vocabulary = static_cast<std::int32_t>(logits.info->dims.back());
  for (std::uint64_t row = 0; row < given; ++row) {
    const std::int32_t chosen = token(tensors, row * windows / given, integer("positions", row) + std::int64_t{1});
    write_logits(logits, row, chosen);
    if (candidates == tensors.end()) continue;
    const std::uint64_t each = candidates->second.place.size / 4 / given;
    for (std::uint64_t i = 0; i < each; ++i) {
      const std::uint64_t at = (row * each + i) * 4;
      const auto rank = static_cast<std::int32_t>(i);
      store(memory_.view(part(candidates->second.place, at, 4)), (chosen + rank) % vocabulary);
      const float logprob = rank == 0 ? 0 : kOtherLogprob - static_cast<float>(rank);
      store(memory_.view(part(tensors.at("candidate_logprobs").place, at, 4)), logprob);
    }
  }
}

std::int32_t DryReplay::token(const Tensors& tensors, std::uint64_t window, std::int64_t place) {
  const Tensor& cross = tensors.at("cross_k_0");
  const std::uint64_t windows = cross.info->dims.size() == 3 ? static_cast<std::uint64_t>(cross.info->dims.front()) : 1;
  const std::uint64_t size = cross.place.size / windows;
  const auto tag = load<WindowTag>(memory_.view(part(cross.place, window * size, sizeof(WindowTag))));
  // Graphs of several windows compute windows that nobody has encoded too.
  if (tag.mark != kMark) return 0;
  const std::optional<std::int32_t> recorded = tokens_.token(tag.key, place);
  if (!recorded) {
    throw NothingRecorded("stand-in: no tokens were recorded for the window " + hexadecimal(tag.key) +
                          " (STAND_IN_DRY)");
  }
  return *recorded;
}

void DryReplay::write_logits(const Tensor& logits, std::uint64_t row, std::int32_t token) {
  const auto columns = static_cast<std::uint64_t>(logits.info->dims.back());
  const DeviceRange place = part(logits.place, row * columns * 4, columns * 4);
  const std::span<std::byte> values = memory_.view(place);
  const auto logit = [&](std::int32_t index) { return values.subspan(static_cast<std::uint64_t>(index) * 4, 4); };
  if (token < 0 || static_cast<std::uint64_t>(token) >= columns) {
    throw NothingRecorded("stand-in: a token of STAND_IN_DRY is not in the model's vocabulary");
  }
  const auto [chosen, fresh] = chosen_.try_emplace({place.allocation, place.offset}, token);
  if (!fresh) store(logit(chosen->second), 0.0F);
  chosen->second = token;
  store(logit(token), kLogit);
}

}  // namespace stand_in
