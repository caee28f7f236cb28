// Memory of its own pages: aligned for vectors, zero at first, and in large pages where the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

class MemoryBlock {
 public:
  MemoryBlock() = default;
  explicit MemoryBlock(size_t size_bytes) : size_bytes_(size_bytes) {
    if (size_bytes == 0) return;
    void* pages = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(pages);
    madvise(pages, size_bytes, MADV_HUGEPAGE);  // advice: where it is not taken, the pages are small
#ifdef __SANITIZE_ADDRESS__
    __asan_poison_memory_region(data_ + size_bytes, rest_of_page());
#endif
  }
  MemoryBlock(MemoryBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  MemoryBlock& operator=(MemoryBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~MemoryBlock() {
    if (data_ == nullptr) return;
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(data_ + size_bytes_, rest_of_page());
#endif
    munmap(data_, size_bytes_);
  }

  std::byte* data() const { return data_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
#ifdef __SANITIZE_ADDRESS__
  /** Mapped, but nobody's. */
  size_t rest_of_page() const { return (4096 - size_bytes_ % 4096) % 4096; }
#endif

  std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};
