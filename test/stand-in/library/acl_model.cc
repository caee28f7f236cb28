// Loading and unloading of models.
#include "call.h"
#include "model_loading.h"
#include "trace.h"

namespace {

using namespace stand_in;

aclError query(const OmResult& om, std::size_t* work, std::size_t* weights) {
  if (om.code != kSuccess) return fail(om.code, om.text);
  *work = om.info.work_size;
  *weights = om.info.weight_size;
  return kSuccess;
}

std::span<const std::byte> bytes_of(const void* model, std::size_t size) {
  return {static_cast<const std::byte*>(model), size};
}

}  // namespace

STAND_IN_API aclError aclmdlLoadFromFile(const char* path, std::uint32_t* modelId) {
  return run_call({.function = "aclmdlLoadFromFile"}, [&](Call&) {
    if (path == nullptr) return null_argument("modelPath");
    return load({.path = path, .bytes = {}, .memory = {}, .weights = {}, .weight_folder = {}}, modelId);
  });
}

STAND_IN_API aclError aclmdlLoadFromMem(const void* model, std::size_t size, std::uint32_t* modelId) {
  return run_call({.function = "aclmdlLoadFromMem"}, [&](Call& call) {
    call.bytes = size;
    if (model == nullptr) return null_argument("model");
    if (size == 0) return fail(kInvalidParam, "the model's size must not be 0");
    return load({.path = {}, .bytes = bytes_of(model, size), .memory = {}, .weights = {}, .weight_folder = {}},
                modelId);
  });
}

STAND_IN_API aclError aclmdlLoadFromFileWithMem(const char* path, std::uint32_t* modelId, void* workPtr,
                                                std::size_t workSize, void* weightPtr, std::size_t weightSize) {
  return run_call({.function = "aclmdlLoadFromFileWithMem"}, [&](Call&) {
    if (path == nullptr) return null_argument("modelPath");
    const GivenMemory memory{workPtr, workSize, weightPtr, weightSize};
    return load({.path = path, .bytes = {}, .memory = memory, .weights = {}, .weight_folder = {}}, modelId);
  });
}

STAND_IN_API aclError aclmdlLoadFromMemWithMem(const void* model, std::size_t size, std::uint32_t* modelId,
                                               void* workPtr, std::size_t workSize, void* weightPtr,
                                               std::size_t weightSize) {
  return run_call({.function = "aclmdlLoadFromMemWithMem"}, [&](Call& call) {
    call.bytes = size;
    if (model == nullptr) return null_argument("model");
    if (size == 0) return fail(kInvalidParam, "the model's size must not be 0");
    const GivenMemory memory{workPtr, workSize, weightPtr, weightSize};
    return load({.path = {}, .bytes = bytes_of(model, size), .memory = memory, .weights = {}, .weight_folder = {}},
                modelId);
  });
}

STAND_IN_API aclError aclmdlQuerySize(const char* path, std::size_t* workSize, std::size_t* weightSize) {
  return run_call({.function = "aclmdlQuerySize"}, [&](Call&) {
    if (path == nullptr || workSize == nullptr || weightSize == nullptr)
      return null_argument("fileName, work or weight size");
    LoadRequest request;
    request.path = path;
    return query(read_request(request), workSize, weightSize);
  });
}

STAND_IN_API aclError aclmdlQuerySizeFromMem(const void* model, std::size_t size, std::size_t* workSize,
                                             std::size_t* weightSize) {
  return run_call({.function = "aclmdlQuerySizeFromMem"}, [&](Call&) {
    if (model == nullptr || workSize == nullptr || weightSize == nullptr)
      return null_argument("model, work or weight size");
    if (size == 0) return fail(kInvalidParam, "the model's size must not be 0");
    LoadRequest request;
    request.bytes = bytes_of(model, size);
    return query(read_request(request), workSize, weightSize);
  });
}

STAND_IN_API aclError aclmdlUnload(std::uint32_t modelId) {
  return run_call({.function = "aclmdlUnload", .releases = true}, [&](Call&) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    World& world = World::get();
    const std::shared_ptr<Model> model = world.find_model(modelId);
    if (!model) return fail(kGeModelId, "model " + std::to_string(modelId) + " is not loaded");
    if (model->context != ready.context)
      return fail(kRtStreamContext, "stand-in: the model was loaded in another context");
    if (const auto stream = model->stream.lock(); stream && !ready.context->device->hung()) {
      const std::lock_guard lock(stream->mutex);
      for (const Task& task : stream->tasks) {
        if (task.model != modelId) continue;
        report_event("violation", "model " + std::to_string(modelId) + " was unloaded while it was queued");
        break;
      }
    }
    {
      const std::lock_guard lock(world.mutex);
      world.models.erase(modelId);
    }
    world.memory.discharge(ready.context->device->id(), model->charged);
    return fail(ready.context->device->use_unless_hung(
        [&](DeviceWorker& worker) { return worker.unload(modelId); }));
  });
}
