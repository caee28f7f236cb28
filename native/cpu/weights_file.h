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
  /** @throws std::runtime_error when the file cannot be mapped or is shorter than its tensors */
  WeightsFile(const std::string& path, std::span<const WeightPlace> places);
  ~WeightsFile();
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;

  bool has(const std::string& name) const { return places_.contains(name); }
  /** @throws std::runtime_error when there is no such tensor or it has another size */
  template <typename T>
  const T* tensor(const std::string& name, size_t count) const {
    return reinterpret_cast<const T*>(find(name, count * sizeof(T)));
  }
  const float* floats(const std::string& name, size_t count) const { return tensor<float>(name, count); }
  /** Gives up the memory of a tensor that was copied; it would be read from the file anew. */
  void give_up(const std::string& name) const;

 private:
  const std::byte* find(const std::string& name, size_t size_bytes) const;

  std::string path_;
  std::unordered_map<std::string, std::span<const std::byte>> places_;
  const std::byte* data_ = nullptr;
  size_t size_bytes_ = 0;
};
