#include "memory.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "../descriptor.h"

DeviceBuffer::DeviceBuffer(size_t size_bytes) : size_bytes_(size_bytes) {
  void* memory = nullptr;
  acl_check(acl().aclrtMalloc, &memory, size_bytes, ACL_MEM_MALLOC_HUGE_FIRST);
  memory_.reset(memory);
}

DeviceSlice slice_of(std::shared_ptr<DeviceBuffer> buffer, size_t offset, size_t size_bytes) {
  const size_t capacity = buffer->size_bytes();
  if (size_bytes == 0 || offset > capacity || size_bytes > capacity - offset) {
    throw argument_failure("expected a slice within a buffer of " + std::to_string(capacity) + " bytes but received " +
                           std::to_string(size_bytes) + " bytes at offset " + std::to_string(offset));
  }
  if (offset % kAlignment != 0) {
    throw argument_failure("expected a slice at a multiple of 64 bytes but received offset " + std::to_string(offset));
  }
  return {std::move(buffer), offset, size_bytes};
}

PinnedArena::PinnedArena(size_t capacity) : capacity_(capacity) {
  void* memory = nullptr;
  acl_check(acl().aclrtMallocHost, &memory, capacity);
  memory_.reset(memory);
}

std::byte* PinnedArena::take(size_t size_bytes) {
  std::byte* piece = static_cast<std::byte*>(memory_.get()) + used_;
  used_ += align_up(size_bytes);
  return piece;
}

namespace {

[[noreturn]] void throw_unreadable(const std::string& path, int error) {
  throw Failure("NPU_FILE", path + ": " + std::generic_category().message(error));
}

}  // namespace

MappedFile::MappedFile(const std::string& path, Use use) {
  const Descriptor file(path);
  if (file.get() < 0) throw_unreadable(path, errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw_unreadable(path, errno);
  if (!S_ISREG(status.st_mode)) throw Failure("NPU_FILE", path + ": not a file");
  if (status.st_size == 0) throw Failure("NPU_FILE", path + ": the file is empty");
  size_bytes_ = static_cast<size_t>(status.st_size);
  const int protection = use == Use::read ? PROT_READ : PROT_READ | PROT_WRITE;
  data_ = mmap(nullptr, size_bytes_, protection, MAP_PRIVATE, file.get(), 0);
  if (data_ == MAP_FAILED) throw_unreadable(path, errno);
}

MappedFile::~MappedFile() { munmap(data_, size_bytes_); }
