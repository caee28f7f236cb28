#include "dry_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace stand_in {

std::span<std::byte> DryMemory::view(const DeviceRange& range) {
  auto found = allocations_.find(range.allocation);
  if (found == allocations_.end()) {
    void* pages = ::mmap(nullptr, range.allocation_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    found = allocations_.emplace(range.allocation, std::span(static_cast<std::byte*>(pages), range.allocation_size))
                .first;
  }
  return found->second.subspan(range.offset, range.size);
}

void DryMemory::free(std::uint64_t allocation) {
  const auto found = allocations_.find(allocation);
  if (found == allocations_.end()) return;
  ::munmap(found->second.data(), found->second.size());
  allocations_.erase(found);
}

void DryMemory::clear() {
  while (!allocations_.empty()) free(allocations_.begin()->first);
}

}  // namespace stand_in
