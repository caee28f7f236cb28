// A prepared model's weights, mapped from their file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

struct WeightPlace {
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
  WeightsFile(const std::string& path, std::span<const WeightPlace> places);
  ~WeightsFile();
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;

  /** @throws std::runtime_error when there is no such tensor or it has another size */
  template <typename T>
  const T* tensor(const std::string& name, size_t count) const {
    return reinterpret_cast<const T*>(find(name, count * sizeof(T)));
  }
  const float* floats(const std::string& name, size_t count) const { return tensor<float>(name, count); }
  /** Gives up the memory of a tensor that was copied; it would be read from the file anew. */
  void give_up(const std::string& name) const;

 private:
  void map(int file);
  const std::byte* find(const std::string& name, size_t size_bytes) const;

  std::string path_;
  std::unordered_map<std::string, std::span<const std::byte>> tensors_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};
