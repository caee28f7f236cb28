#pragma once

#include <memory>
#include <vector>

#include "model.h"

enum class Side { input, output };

/** One side of a binding: ACL's list of buffers, made once, of which only addresses change. */
class Dataset {
 public:
  Dataset(const std::vector<TensorSpec>& specs, std::vector<DeviceSlice> slices);
  void rebind(const std::vector<TensorSpec>& specs, size_t index, DeviceSlice slice);
  aclmdlDataset* get() const { return handle_.get(); }

 private:
  using DataBuffer = std::unique_ptr<aclDataBuffer, AclRelease<&AclApi::aclDestroyDataBuffer>>;

  // Destroying a dataset leaves its data buffers alone, and those leave the memory alone: any order would do.
  std::vector<DeviceSlice> slices_;
  std::vector<DataBuffer> buffers_;
  std::unique_ptr<aclmdlDataset, AclRelease<&AclApi::aclmdlDestroyDataset>> handle_;
};

/** A model with memory for each input and output, ready to execute again and again. */
class Binding {
 public:
  Binding(std::shared_ptr<Model> model, std::vector<DeviceSlice> inputs, std::vector<DeviceSlice> outputs);

  const std::shared_ptr<Model>& model() const { return model_; }
  /** Points one tensor at other memory. Refused while queued: ACL may still read the old address. */
  void rebind(Side side, size_t index, DeviceSlice slice);
  void execute_sync(const aclmdlExecConfigHandle* options);
  void execute_async(aclrtStream stream);
  void set_idle() { queued_ = false; }

 private:
  std::shared_ptr<Model> model_;
  Dataset inputs_;
  Dataset outputs_;
  bool queued_ = false;
};
