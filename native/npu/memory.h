#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "acl_error.h"

/** Start of every piece of a buffer, on the device and in pinned memory (aclrtMemcpyAsync asks for it). */
inline constexpr size_t kAlignment = 64;

constexpr size_t align_up(size_t size, size_t alignment = kAlignment) {
  return (size + alignment - 1) / alignment * alignment;
}

/** Device memory. Not zeroed. */
class DeviceBuffer {
 public:
  explicit DeviceBuffer(size_t size_bytes);
  std::byte* data() const { return static_cast<std::byte*>(memory_.get()); }
  size_t size_bytes() const { return size_bytes_; }

 private:
  std::unique_ptr<void, AclRelease<&AclApi::aclrtFree>> memory_;
  size_t size_bytes_;
};

/** A part of a device buffer, which it keeps alive. */
struct DeviceSlice {
  std::shared_ptr<DeviceBuffer> buffer;
  size_t offset = 0;
  size_t size_bytes = 0;

  std::byte* data() const { return buffer->data() + offset; }
};

/** Cuts a slice; throws when it is empty, unaligned or past the end. */
DeviceSlice slice_of(std::shared_ptr<DeviceBuffer> buffer, size_t offset, size_t size_bytes);

/** Page-locked host memory cut into aligned pieces, all given back at once: copies from and to it are asynchronous. */
class PinnedArena {
 public:
  explicit PinnedArena(size_t capacity);
  size_t free_bytes() const { return capacity_ - used_; }
  bool empty() const { return used_ == 0; }
  std::byte* take(size_t size_bytes);
  void clear() { used_ = 0; }

 private:
  std::unique_ptr<void, AclRelease<&AclApi::aclrtFreeHost>> memory_;
  size_t capacity_;
  size_t used_ = 0;
};

/** A file mapped for reading. */
class MappedFile {
 public:
  /** ACL takes a model as const, but decodes parts of it in place: such a mapping is private and writable. */
  enum class Use { read, decode_in_place };

  MappedFile(const std::string& path, Use use);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return static_cast<const std::byte*>(data_); }
  size_t size_bytes() const { return size_bytes_; }

 private:
  void* data_ = nullptr;
  size_t size_bytes_ = 0;
};
