#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "abi.h"

namespace stand_in {

struct TensorInfo {
  std::string name;
  std::int32_t data_type = -1;
  std::int32_t format = 2;
  std::vector<std::int64_t> dims;
  std::uint64_t size = 0;
};

/** A weight kept in a file of its own beside the OM (--external_weight=1). */
struct ExternalWeight {
  std::string file;
  std::uint64_t size = 0;
};

struct Partition {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/** What kernels of a model have to do, each of so many alike. */
struct KernelCost {
  std::uint64_t count = 0;
  /** Read and written. */
  std::uint64_t bytes = 0;
  /** Of float16 numbers. */
  std::uint64_t multiply_adds = 0;
};

/** What an OM says of itself. */
struct OmInfo {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<ExternalWeight> external_weights;
  /** For dry devices; empty where the stand-in's atc does not know an operator. */
  std::vector<KernelCost> kernels;
  std::uint64_t work_size = 0;
  std::uint64_t weight_size = 0;
  std::string arch_type;
  Partition onnx;
  Partition weights;
};

/** An OM on disk or in memory, read piece by piece. */
class OmSource {
 public:
  virtual ~OmSource() = default;
  virtual std::uint64_t size() const = 0;
  /** @return false where the bytes are not there */
  virtual bool read(std::uint64_t offset, void* to, std::size_t size) const = 0;
};

class OmInMemory final : public OmSource {
 public:
  explicit OmInMemory(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  bool read(std::uint64_t offset, void* to, std::size_t size) const override;

 private:
  std::span<const std::byte> bytes_;
};

class OmOnDisk final : public OmSource {
 public:
  explicit OmOnDisk(const std::string& path);
  ~OmOnDisk() override;
  OmOnDisk(const OmOnDisk&) = delete;
  OmOnDisk& operator=(const OmOnDisk&) = delete;

  bool exists() const { return descriptor_ >= 0; }
  std::uint64_t size() const override { return size_; }
  bool read(std::uint64_t offset, void* to, std::size_t size) const override;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

struct OmResult {
  aclError code = kSuccess;
  std::string text;
  OmInfo info;
};

/** Checks header, partitions, target and maker of an OM, with the codes that the real loader gives. */
OmResult read_om(const OmSource& source, const std::string& soc);

/** The architecture that parts of one family share; empty where the soc is unknown. */
std::string arch_of_soc(const std::string& soc);

std::uint64_t data_type_size(std::int32_t data_type);

}  // namespace stand_in
