// The weights file of a converted model, mapped into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

/** Where a tensor lies in the file, in bytes from its beginning. */
struct TensorLocation {
  std::string name;
  size_t offset;
  size_t size_bytes;
};

class WeightsFile {
 public:
  /**
   * @throws std::runtime_error when the file cannot be mapped or is shorter than its tensors, or when these do not lie as
   *   src/graph/weights.ts lays them
   */
  WeightsFile(const std::string& path, std::span<const TensorLocation> locations);
  ~WeightsFile();
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;

  /** @throws std::runtime_error when there is no such tensor or it has another size */
  template <typename T>
  const T* tensor(const std::string& name, size_t count) const {
    return reinterpret_cast<const T*>(find(name, count * sizeof(T)));
  }
  const float* floats(const std::string& name, size_t count) const { return tensor<float>(name, count); }
  /** Lets the system take back the pages of a tensor that has been copied; later reads would load them from the file again. */
  void release(const std::string& name) const;

 private:
  void map(int file);
  const std::byte* find(const std::string& name, size_t size_bytes) const;

  std::string path_;
  std::unordered_map<std::string, std::span<const std::byte>> tensors_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};
