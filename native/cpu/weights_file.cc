#include "weights_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "../descriptor.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace {

/** A cache line, which is what vector loads want. */
constexpr size_t alignment = 64;

/** Poison whatever is mapped but belongs to no tensor, so that the address sanitizer reports reads of it. */
#ifdef __SANITIZE_ADDRESS__
void poison(const std::byte* pages, size_t size_bytes) { __asan_poison_memory_region(pages, size_bytes); }
void unpoison(const std::byte* pages, size_t size_bytes) { __asan_unpoison_memory_region(pages, size_bytes); }
#else
void poison(const std::byte*, size_t) {}
void unpoison(const std::byte*, size_t) {}
#endif

}  // namespace

WeightsFile::WeightsFile(const std::string& path, std::span<const TensorLocation> locations) : path_(path) {
  const Descriptor file(path);
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  size_bytes_ = static_cast<size_t>(status.st_size);
  for (const auto& [name, offset, size_bytes] : locations) {
    if (offset > size_bytes_ || size_bytes > size_bytes_ - offset)
      throw std::runtime_error(path + ": " + name + " lies behind the end of the file");
    if (offset % alignment != 0)
      throw std::runtime_error(path + ": " + name + " does not lie at a multiple of " + std::to_string(alignment) + " bytes");
    if (!tensors_.emplace(name, std::span<const std::byte>{}).second)
      throw std::runtime_error(path + ": there are two tensors " + name);
  }
  map(file.get());
  for (const auto& [name, offset, size_bytes] : locations) {
    unpoison(data_ + offset, size_bytes);
    tensors_.at(name) = {data_ + offset, size_bytes};
  }
}

WeightsFile::~WeightsFile() {
  unpoison(data_, size_bytes_);
  munmap(const_cast<std::byte*>(data_), size_bytes_);
}

void WeightsFile::map(int file) {
  void* pages = mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE, file, 0);
  if (pages == MAP_FAILED && errno == ENOMEM) throw std::bad_alloc();
  if (pages == MAP_FAILED) throw std::runtime_error(path_ + ": " + std::strerror(errno));
  data_ = static_cast<const std::byte*>(pages);
  poison(data_, size_bytes_);
}

void WeightsFile::release(const std::string& name) const {
  const auto tensor = tensors_.find(name);
  if (tensor == tensors_.end()) return;
  const auto page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(tensor->second.data() - data_);
  // Pages that hold nothing else.
  const size_t first = (offset + page_bytes - 1) / page_bytes * page_bytes;
  const size_t last = (offset + tensor->second.size()) / page_bytes * page_bytes;
  // Advice: where it is not taken, the memory stays.
  if (first < last) madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

const std::byte* WeightsFile::find(const std::string& name, size_t size_bytes) const {
  const auto tensor = tensors_.find(name);
  if (tensor == tensors_.end()) throw std::runtime_error(path_ + ": there is no " + name);
  if (tensor->second.size() != size_bytes) {
    throw std::runtime_error(path_ + ": " + name + " has " + std::to_string(tensor->second.size()) + " bytes, not " +
                             std::to_string(size_bytes));
  }
  return tensor->second.data();
}
