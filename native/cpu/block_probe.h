// Lets comparisons look at a model's blocks one by one, as src/backend/layer-probe.ts describes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

/** What a block computed, and the residual stream behind it, f32 [rows, state]; no stream where it was given. */
struct ProbedBlock {
  std::vector<float> block;
  std::vector<float> stream;
};

/** A probe's view of one block, or of none. Different rows may be kept by different threads. */
class BlockTap {
 public:
  BlockTap() = default;
  BlockTap(ProbedBlock& probed, const float* given, size_t state)
      : block_(probed.block.data()), stream_(probed.stream.data()), given_(given), state_(state) {}

  bool is_open() const { return block_ != nullptr; }
  /** Where what the block computed for a row goes; the tap must be open. */
  float* block_row(size_t row) const { return block_ + row * state_; }
  void keep_block(size_t row, const float* values) const {
    if (is_open()) std::copy_n(values, state_, block_row(row));
  }
  /** Keeps a row of the stream behind the block, or replaces it by the given one. */
  void pass_stream(size_t row, float* stream) const {
    if (given_ != nullptr) {
      std::copy_n(given_ + row * state_, state_, stream);
    } else if (is_open()) {
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
  BlockTap tap(const std::string& name, size_t rows, size_t state) {
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

/** A closed tap where there is no probe. */
inline BlockTap tap_of(BlockProbe* probe, const std::string& name, size_t rows, size_t state) {
  return probe == nullptr ? BlockTap() : probe->tap(name, rows, state);
}
