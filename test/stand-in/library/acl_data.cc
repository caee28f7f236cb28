// Data buffers and datasets: memory of the host only, they need no device.
#include "call.h"

namespace {

using namespace stand_in;

std::shared_ptr<Dataset> find_dataset(const aclmdlDataset* dataset) { return World::get().datasets.find(dataset); }

}  // namespace

STAND_IN_API aclDataBuffer* aclCreateDataBuffer(void* data, std::size_t size) {
  return run_value<aclDataBuffer*>("aclCreateDataBuffer", nullptr, [&] {
    auto buffer = std::make_shared<DataBuffer>();
    buffer->address = data;
    buffer->size = size;
    return static_cast<aclDataBuffer*>(World::get().buffers.add(buffer));
  });
}

STAND_IN_API aclError aclDestroyDataBuffer(const aclDataBuffer* dataBuffer) {
  return run_call({.function = "aclDestroyDataBuffer", .releases = true}, [&](Call&) {
    if (dataBuffer == nullptr) return null_argument("dataBuffer");
    return World::get().buffers.take(dataBuffer) ? kSuccess : fail(kInvalidParam, "stand-in: not a live data buffer");
  });
}

STAND_IN_API aclError aclUpdateDataBuffer(aclDataBuffer* dataBuffer, void* data, std::size_t size) {
  return run_call({.function = "aclUpdateDataBuffer"}, [&](Call&) {
    if (dataBuffer == nullptr) return null_argument("dataBuffer");
    const std::shared_ptr<DataBuffer> buffer = World::get().buffers.find(dataBuffer);
    if (!buffer) return fail(kInvalidParam, "stand-in: not a live data buffer");
    buffer->address = data;
    buffer->size = size;
    return kSuccess;
  });
}

STAND_IN_API void* aclGetDataBufferAddr(const aclDataBuffer* dataBuffer) {
  return run_value<void*>("aclGetDataBufferAddr", nullptr, [&]() -> void* {
    const auto buffer = World::get().buffers.find(dataBuffer);
    return buffer ? buffer->address : nullptr;
  });
}

STAND_IN_API std::size_t aclGetDataBufferSizeV2(const aclDataBuffer* dataBuffer) {
  return run_value<std::size_t>("aclGetDataBufferSizeV2", 0, [&]() -> std::size_t {
    const auto buffer = World::get().buffers.find(dataBuffer);
    return buffer ? buffer->size : 0;
  });
}

STAND_IN_API aclmdlDataset* aclmdlCreateDataset(void) {
  return run_value<aclmdlDataset*>("aclmdlCreateDataset", nullptr, [] {
    return static_cast<aclmdlDataset*>(World::get().datasets.add(std::make_shared<Dataset>()));
  });
}

STAND_IN_API aclError aclmdlDestroyDataset(const aclmdlDataset* dataset) {
  return run_call({.function = "aclmdlDestroyDataset", .releases = true}, [&](Call&) {
    if (dataset == nullptr) return null_argument("dataset");
    return World::get().datasets.take(dataset) ? kSuccess : fail(kInvalidParam, "stand-in: not a live dataset");
  });
}

STAND_IN_API aclError aclmdlAddDatasetBuffer(aclmdlDataset* dataset, aclDataBuffer* dataBuffer) {
  return run_call({.function = "aclmdlAddDatasetBuffer"}, [&](Call&) {
    if (dataset == nullptr) return null_argument("dataset");
    if (dataBuffer == nullptr) return null_argument("dataBuffer");
    const std::shared_ptr<Dataset> found = find_dataset(dataset);
    if (!found) return fail(kInvalidParam, "stand-in: not a live dataset");
    if (!World::get().buffers.find(dataBuffer)) return fail(kInvalidParam, "stand-in: not a live data buffer");
    found->buffers.push_back(dataBuffer);
    return kSuccess;
  });
}

STAND_IN_API std::size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset* dataset) {
  return run_value<std::size_t>("aclmdlGetDatasetNumBuffers", 0, [&]() -> std::size_t {
    const auto found = find_dataset(dataset);
    return found ? found->buffers.size() : 0;
  });
}

STAND_IN_API aclDataBuffer* aclmdlGetDatasetBuffer(const aclmdlDataset* dataset, std::size_t index) {
  return run_value<aclDataBuffer*>("aclmdlGetDatasetBuffer", nullptr, [&]() -> aclDataBuffer* {
    const auto found = find_dataset(dataset);
    return found && index < found->buffers.size() ? found->buffers[index] : nullptr;
  });
}
