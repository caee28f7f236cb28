#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "om_file.h"

namespace stand_in {

bool OmInMemory::read(std::uint64_t offset, void* to, std::size_t size) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return false;
  if (size > 0) std::memcpy(to, bytes_.data() + offset, size);
  return true;
}

OmOnDisk::OmOnDisk(const std::string& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat status {};
  if (descriptor_ >= 0 && (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))) {
    ::close(descriptor_);
    descriptor_ = -1;
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

OmOnDisk::~OmOnDisk() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool OmOnDisk::read(std::uint64_t offset, void* to, std::size_t size) const {
  auto* bytes = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (got <= 0) return false;
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace stand_in
