#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "device_worker.h"

namespace stand_in {

/** A dry device's memory: zeros that take no room until something is kept there. */
class DryMemory {
 public:
  DryMemory() = default;
  ~DryMemory() { clear(); }
  DryMemory(const DryMemory&) = delete;
  DryMemory& operator=(const DryMemory&) = delete;

  /** @throws std::system_error where the host has no addresses left */
  std::span<std::byte> view(const DeviceRange& range);
  void free(std::uint64_t allocation);
  void clear();

 private:
  std::map<std::uint64_t, std::span<std::byte>> allocations_;
};

/** As much of a copy as is kept: enough for all that is read again, and little of weights. */
inline constexpr std::uint64_t kKeptBytes = 16 << 10;

}  // namespace stand_in
