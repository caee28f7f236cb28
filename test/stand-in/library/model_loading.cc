#include "model_loading.h"

#include <filesystem>

#include "call.h"
#include "settings.h"

namespace stand_in {
namespace {

std::uintptr_t number(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

aclError check_given(const Device& device, const char* what, const void* memory, std::size_t size,
                     std::uint64_t needed) {
  if (memory == nullptr) return kSuccess;
  if (size < needed) {
    return fail(kGeParam, std::string("the ") + what + " memory has " + std::to_string(size) +
                              " bytes, the model needs " + std::to_string(needed));
  }
  if (needed > 0 && !World::get().memory.locate(device, number(memory), size)) {
    return fail(kGeParam, std::string("stand-in: the ") + what + " memory is not within an allocation on the device");
  }
  return kSuccess;
}

/** Finds the weights in the caller's memory; their sizes leave what the model itself must hold. */
aclError given_weights(const Device& device, const LoadRequest& request, const OmInfo& info,
                       std::vector<ModelToLoad::Weight>& weights, std::uint64_t& own_bytes) {
  for (const ExternalWeight& weight : info.external_weights) {
    const auto given = request.weights.find(weight.file);
    if (given == request.weights.end()) {
      own_bytes += weight.size;
      continue;
    }
    const auto place = World::get().memory.locate(device, number(given->second.address), given->second.size);
    if (!place || given->second.size < weight.size) {
      return fail(kGeWeightPartition,
                  "stand-in: the memory given for " + weight.file + " is too small or not on the device");
    }
    weights.push_back({weight.file, *place, weight.size});
  }
  return kSuccess;
}

std::string weight_folder(const LoadRequest& request) {
  if (!request.weight_folder.empty()) return std::filesystem::absolute(request.weight_folder).string();
  if (request.path.empty()) return {};
  return (std::filesystem::absolute(request.path).parent_path() / "weight").string();
}

}  // namespace

OmResult read_request(const LoadRequest& request) {
  const std::string soc = Settings::get().soc();
  if (request.path.empty()) return read_om(OmInMemory(request.bytes), soc);
  const OmOnDisk file(request.path);
  if (!file.exists()) return {kGeModelPath, "the model " + request.path + " cannot be opened", {}};
  return read_om(file, soc);
}

aclError load(const LoadRequest& request, std::uint32_t* model_id) {
  if (model_id == nullptr) return null_argument("modelId");
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  World& world = World::get();
  OmResult om = read_request(request);
  if (om.code != kSuccess) return fail(om.code, om.text);
  const Device& device = *ready.context->device;
  const GivenMemory& given = request.memory;
  if (const aclError code = check_given(device, "work", given.work, given.work_size, om.info.work_size); code != 0)
    return code;
  if (const aclError code = check_given(device, "weight", given.weights, given.weights_size, om.info.weight_size);
      code != 0) {
    return code;
  }
  auto model = std::make_shared<Model>();
  ModelToLoad loading;
  loading.path = request.path;
  loading.bytes = request.bytes;
  loading.weight_folder = weight_folder(request);
  std::uint64_t own_weights = given.weights == nullptr ? om.info.weight_size : 0;
  if (const aclError code = given_weights(device, request, om.info, loading.weights, own_weights); code != 0)
    return code;
  model->charged = own_weights + (given.work == nullptr ? om.info.work_size : 0);
  if (!world.memory.charge(device.id(), model->charged)) {
    return fail(kGeMemory, "the device has no room for the model's " + std::to_string(model->charged) + " bytes");
  }
  {
    const std::lock_guard lock(world.mutex);
    model->id = ++world.last_model;
  }
  model->info = std::make_shared<const OmInfo>(std::move(om.info));
  loading.id = model->id;
  loading.info = model->info;
  Device& loader = *ready.context->device;
  const Answer answer =
      loader.use(std::nullopt, loader.ask(), [&](DeviceWorker& worker) { return worker.load(loading); });
  if (answer.code != kSuccess) {
    world.memory.discharge(device.id(), model->charged);
    return fail(answer);
  }
  model->context = ready.context;
  model->work = number(given.work);
  model->weights = number(given.weights);
  const std::lock_guard lock(world.mutex);
  world.models[model->id] = model;
  *model_id = model->id;
  return kSuccess;
}

}  // namespace stand_in
