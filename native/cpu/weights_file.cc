#include "weights_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "../descriptor.h"

WeightsFile::WeightsFile(const std::string& path, std::span<const WeightPlace> places) : path_(path) {
  const Descriptor file(path);
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  size_bytes_ = static_cast<size_t>(status.st_size);
  for (const WeightPlace& place : places) {
    if (place.offset > size_bytes_ || place.size_bytes > size_bytes_ - place.offset)
      throw std::runtime_error(path + ": " + place.name + " lies behind the end of the file");
  }
  void* pages = mmap(nullptr, size_bytes_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (pages == MAP_FAILED && errno == ENOMEM) throw std::bad_alloc();
  if (pages == MAP_FAILED) throw std::runtime_error(path + ": " + std::strerror(errno));
  data_ = static_cast<const std::byte*>(pages);
  for (const auto& [name, offset, size_bytes] : places) places_.emplace(name, std::span{data_ + offset, size_bytes});
}

WeightsFile::~WeightsFile() { munmap(const_cast<std::byte*>(data_), size_bytes_); }

void WeightsFile::give_up(const std::string& name) const {
  const auto place = places_.find(name);
  if (place == places_.end()) return;
  const auto page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(place->second.data() - data_);
  // Pages that hold nothing else.
  const size_t first = (offset + page_bytes - 1) / page_bytes * page_bytes;
  const size_t last = (offset + place->second.size()) / page_bytes * page_bytes;
  // Advice: where it is not taken, the memory stays.
  if (first < last) madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

const std::byte* WeightsFile::find(const std::string& name, size_t size_bytes) const {
  const auto place = places_.find(name);
  if (place == places_.end()) throw std::runtime_error(path_ + ": there is no " + name);
  if (place->second.size() != size_bytes) {
    throw std::runtime_error(path_ + ": " + name + " has " + std::to_string(place->second.size()) + " bytes, not " +
                             std::to_string(size_bytes));
  }
  return place->second.data();
}
