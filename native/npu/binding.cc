#include "binding.h"

#include <utility>

namespace {

void require_fit(const TensorSpec& spec, const DeviceSlice& slice) {
  if (slice.size_bytes >= spec.size_bytes) return;
  throw argument_failure("expected at least " + std::to_string(spec.size_bytes) + " bytes for tensor " + spec.name +
                         " but received " + std::to_string(slice.size_bytes));
}

}  // namespace

Dataset::Dataset(const std::vector<TensorSpec>& specs, std::vector<DeviceSlice> slices)
    : slices_(std::move(slices)), handle_(acl_create(acl().aclmdlCreateDataset)) {
  if (slices_.size() != specs.size()) {
    throw argument_failure("expected " + std::to_string(specs.size()) + " slices but received " +
                           std::to_string(slices_.size()));
  }
  buffers_.reserve(specs.size());
  for (size_t index = 0; index < specs.size(); ++index) {
    const DeviceSlice& slice = slices_[index];
    require_fit(specs[index], slice);
    buffers_.emplace_back(acl_create(acl().aclCreateDataBuffer, slice.data(), slice.size_bytes));
    acl_check(acl().aclmdlAddDatasetBuffer, handle_.get(), buffers_.back().get());
  }
}

void Dataset::rebind(const std::vector<TensorSpec>& specs, size_t index, DeviceSlice slice) {
  if (index >= buffers_.size()) {
    throw argument_failure("expected a tensor index below " + std::to_string(buffers_.size()) + " but received " +
                           std::to_string(index));
  }
  require_fit(specs[index], slice);
  acl_check(acl().aclUpdateDataBuffer, buffers_[index].get(), slice.data(), slice.size_bytes);
  slices_[index] = std::move(slice);
}

Binding::Binding(std::shared_ptr<Model> model, std::vector<DeviceSlice> inputs, std::vector<DeviceSlice> outputs)
    : model_(std::move(model)),
      inputs_(model_->inputs(), std::move(inputs)),
      outputs_(model_->outputs(), std::move(outputs)) {}

void Binding::rebind(Side side, size_t index, DeviceSlice slice) {
  if (queued_) {
    throw Failure("NPU_BINDING_BUSY", "a binding cannot be rebound while it is queued on the device",
                  "Queue the steps of one submit through a ring of bindings.");
  }
  if (side == Side::input) {
    inputs_.rebind(model_->inputs(), index, std::move(slice));
  } else {
    outputs_.rebind(model_->outputs(), index, std::move(slice));
  }
}

void Binding::execute_sync(const aclmdlExecConfigHandle* options) {
  acl_check(acl().aclmdlExecuteV2, model_->id(), inputs_.get(), outputs_.get(), nullptr, options);
}

void Binding::execute_async(aclrtStream stream) {
  queued_ = true;
  acl_check(acl().aclmdlExecuteAsync, model_->id(), inputs_.get(), outputs_.get(), stream);
}
