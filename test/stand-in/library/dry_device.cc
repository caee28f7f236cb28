#include "dry_device.h"

#include <algorithm>
#include <cstring>

namespace stand_in {
namespace {

std::chrono::steady_clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

/** Each kernel waits for memory or for its arithmetic, whichever takes longer. */
double seconds_of(const OmInfo& info, const DryCosts& costs) {
  double seconds = 0;
  for (const KernelCost& kernel : info.kernels) {
    const double memory = static_cast<double>(kernel.bytes) / costs.memory_bytes_per_second;
    const double arithmetic = static_cast<double>(kernel.multiply_adds) / costs.multiply_adds_per_second;
    seconds += static_cast<double>(kernel.count) * (costs.kernel_seconds + std::max(memory, arithmetic));
  }
  return seconds;
}

DeviceRange kept(const DeviceRange& range) {
  return {range.allocation, range.allocation_size, range.offset, std::min(range.size, kKeptBytes)};
}

}  // namespace

DryDevice::DryDevice(const DryCosts& costs, const std::string& tokens)
    : costs_(costs), replay_(memory_, RecordedTokens(tokens)) {}

void DryDevice::kill() {
  alive_ = false;
  memory_.clear();
}

Answer DryDevice::write(const DeviceRange& to, const std::byte* from) {
  const std::span<std::byte> target = memory_.view(kept(to));
  std::memcpy(target.data(), from, target.size());
  take(costs_.kernel_seconds + static_cast<double>(to.size) / costs_.transfer_bytes_per_second);
  return {};
}

Answer DryDevice::read(const DeviceRange& from, std::byte* to) {
  const std::span<const std::byte> source = memory_.view(from);
  std::memcpy(to, source.data(), source.size());
  take(costs_.kernel_seconds + static_cast<double>(from.size) / costs_.transfer_bytes_per_second);
  return {};
}

Answer DryDevice::copy(const DeviceRange& to, const DeviceRange& from) {
  const std::span<const std::byte> source = memory_.view(kept(from));
  std::memmove(memory_.view(kept(to)).data(), source.data(), source.size());
  take(costs_.kernel_seconds + 2 * static_cast<double>(to.size) / costs_.memory_bytes_per_second);
  return {};
}

Answer DryDevice::fill(const DeviceRange& to, std::int32_t value) {
  const std::span<std::byte> target = memory_.view(kept(to));
  std::memset(target.data(), value & 0xFF, target.size());
  take(costs_.kernel_seconds + static_cast<double>(to.size) / costs_.memory_bytes_per_second);
  return {};
}

Answer DryDevice::free(std::uint64_t allocation) {
  replay_.forget(allocation);
  memory_.free(allocation);
  return {};
}

Answer DryDevice::load(const ModelToLoad& model) {
  if (model.info->kernels.empty()) {
    return {kGeLoadModel, "stand-in: the model does not say what it costs, so a dry device cannot run it: convert it again"};
  }
  models_[model.id] = {model.info, seconds_of(*model.info, costs_)};
  return {};
}

Answer DryDevice::unload(std::uint32_t model) {
  models_.erase(model);
  return {};
}

Answer DryDevice::run(std::uint32_t model, const std::vector<DeviceRange>& places) {
  const auto found = models_.find(model);
  if (found == models_.end()) return {kRtAiCoreException, "stand-in: the model is not on the device"};
  take(found->second.seconds);
  return replay_.run(*found->second.info, places);
}

Moment DryDevice::ask() {
  const std::lock_guard lock(clock_mutex_);
  host_busy_ = std::max(host_busy_, std::chrono::steady_clock::now()) + duration_of(costs_.call_seconds);
  return host_busy_;
}

Moment DryDevice::done_at() {
  const std::lock_guard lock(clock_mutex_);
  return std::max(device_busy_, host_busy_) + duration_of(costs_.wait_seconds);
}

void DryDevice::take(double seconds) {
  const std::lock_guard lock(clock_mutex_);
  device_busy_ = std::max(device_busy_, asked_) + duration_of(seconds);
}

}  // namespace stand_in
