// Records what each block of a model computes, for comparisons layer by layer: see src/backend/layer-probe.ts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/**
 * The output of a block (an attention, a feed-forward network, a norm) before it is added to the residual stream, and the
 * residual stream after that, f32 [rows, state]. The stream is empty where it was given.
 */
struct ProbedBlock {
  std::vector<float> block;
  std::vector<float> stream;
};

/** Hooks into one block; without a probe it does nothing. Different threads may keep different rows. */
class BlockHook {
 public:
  BlockHook() = default;
  BlockHook(ProbedBlock& probed, const float* given, size_t state)
      : block_(probed.block.data()), stream_(probed.stream.data()), given_(given), state_(state) {}

  bool is_active() const { return block_ != nullptr; }
  /** Where the output of the block for a row is kept; the hook must be active. */
  float* output_row(size_t row) const { return block_ + row * state_; }
  void keep_output(size_t row, const float* values) const {
    if (is_active()) std::copy_n(values, state_, output_row(row));
  }
  /** Keeps a row of the residual stream behind the block, or replaces it by the given one. */
  void keep_or_replace_residual(size_t row, float* stream) const {
    if (given_ != nullptr) {
      std::copy_n(given_ + row * state_, state_, stream);
    } else if (is_active()) {
      std::copy_n(stream, state_, stream_ + row * state_);
    }
  }

 private:
  float* block_ = nullptr;
  float* stream_ = nullptr;
  const float* given_ = nullptr;
  size_t state_ = 0;
};

class BlockProbe {
 public:
  using Streams = std::map<std::string, std::span<const float>>;

  /** @param given the stream behind each block, from which the next one starts; none where the model computes its own */
  explicit BlockProbe(Streams given) : given_(std::move(given)) {}

  /** @throws std::invalid_argument when streams are given, but not this one or not in this size */
  BlockHook hook(const std::string& name, size_t rows, size_t state) {
    ProbedBlock& probed = blocks_[name];
    probed.block.resize(rows * state);
    if (given_.empty()) {
      probed.stream.resize(rows * state);
      return {probed, nullptr, state};
    }
    const auto found = given_.find(name);
    if (found == given_.end() || found->second.size() != rows * state)
      throw std::invalid_argument("there is no stream of this size for " + name);
    return {probed, found->second.data(), state};
  }

  const std::map<std::string, ProbedBlock>& blocks() const { return blocks_; }

 private:
  Streams given_;
  std::map<std::string, ProbedBlock> blocks_;
};

/** An inactive hook where there is no probe. */
inline BlockHook hook_of(BlockProbe* probe, const std::string& name, size_t rows, size_t state) {
  return probe == nullptr ? BlockHook() : probe->hook(name, rows, state);
}
