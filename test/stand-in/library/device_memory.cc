#include <sys/mman.h>

#include "settings.h"
#include "world.h"

namespace stand_in {
namespace {

// Addresses are never used twice, so that a stale one is always recognised.
constexpr std::uint64_t kReserved = 1ULL << 42;
constexpr std::uint64_t kLeastReserved = 1ULL << 34;

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

std::optional<std::uintptr_t> DeviceMemory::allocate(const std::shared_ptr<Device>& device, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t wanted = kReserved; base_ == 0 && wanted >= kLeastReserved; wanted /= 2) {
    void* pages = ::mmap(nullptr, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) continue;
    base_ = reinterpret_cast<std::uintptr_t>(pages);
    end_ = base_ + wanted;
    next_ = base_;
  }
  std::uint64_t& used = used_[device->id()];
  const std::uint64_t hbm = Settings::get().hbm_bytes();
  if (base_ == 0 || size > hbm) return std::nullopt;
  const std::uint64_t granted = align_up(size, 32) + 32;
  // Aligned to 64 and no more: a host that counts on more than ACL promises fails here.
  const std::uintptr_t address = align_up(next_, 128) + 64;
  if (used > hbm || granted > hbm - used || granted > end_ - address) return std::nullopt;
  next_ = address + granted + 64;
  used += granted;
  live_[address] = {++last_id_, address, size, granted, device};
  return address;
}

std::optional<Allocation> DeviceMemory::take(std::uintptr_t address) {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(address);
  if (found == live_.end()) return std::nullopt;
  Allocation allocation = found->second;
  used_[allocation.device->id()] -= allocation.granted;
  live_.erase(found);
  return allocation;
}

std::optional<Allocation> DeviceMemory::find(std::uintptr_t address) const {
  const std::lock_guard lock(mutex_);
  auto after = live_.upper_bound(address);
  if (after == live_.begin()) return std::nullopt;
  const Allocation& allocation = std::prev(after)->second;
  if (address - allocation.address >= allocation.size) return std::nullopt;
  return allocation;
}

std::optional<DeviceRange> DeviceMemory::locate(const Device& device, std::uintptr_t address,
                                                std::uint64_t size) const {
  const auto allocation = find(address);
  if (!allocation || allocation->device.get() != &device) return std::nullopt;
  const std::uint64_t offset = address - allocation->address;
  if (size > allocation->size - offset) return std::nullopt;
  return DeviceRange{allocation->id, allocation->size, offset, size};
}

bool DeviceMemory::is_device_address(const void* address) const {
  const std::lock_guard lock(mutex_);
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  return base_ != 0 && number >= base_ && number < end_;
}

std::uint64_t DeviceMemory::used(std::int32_t device) const {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(device);
  return found == used_.end() ? 0 : found->second;
}

bool DeviceMemory::charge(std::int32_t device, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& used = used_[device];
  const std::uint64_t hbm = Settings::get().hbm_bytes();
  if (used > hbm || size > hbm - used) return false;
  used += size;
  return true;
}

void DeviceMemory::discharge(std::int32_t device, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  used_[device] -= size;
}

std::size_t DeviceMemory::remove_of(const Device& device) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(live_, [&](const auto& entry) {
    if (entry.second.device.get() != &device) return false;
    used_[device.id()] -= entry.second.granted;
    return true;
  });
}

}  // namespace stand_in
