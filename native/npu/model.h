#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "memory.h"

/** How a model is executed, for its whole life: ACL refuses to mix the two on one model. */
enum class RunMode { sync, async };

struct TensorSpec {
  std::string name;
  std::vector<int64_t> dims;
  std::string dtype;
  std::string format;
  size_t size_bytes;
};

struct ExternalWeight {
  std::string file_name;
  DeviceSlice slice;
};

/** Memory that a model is given instead of allocating its own. Models that never run at once may share work memory. */
struct ModelMemory {
  std::shared_ptr<DeviceBuffer> work;
  std::shared_ptr<DeviceBuffer> weights;
  std::vector<ExternalWeight> external_weights;
};

struct ModelSizes {
  size_t work_bytes;
  size_t weight_bytes;
};

/** Memory that an OM file wants on the device. */
ModelSizes query_model_sizes(const std::string& path);

/** An OM loaded on the device. */
class Model {
 public:
  Model(const std::string& path, ModelMemory memory, RunMode mode);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  uint32_t id() const { return id_; }
  RunMode mode() const { return mode_; }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }

 private:
  void read_specs(const std::string& path);

  ModelMemory memory_;
  RunMode mode_;
  uint32_t id_ = 0;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
};
