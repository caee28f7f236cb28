// Loading with options: aclmdlConfigHandle.
#include <cstring>

#include "call.h"
#include "model_loading.h"

namespace {

using namespace stand_in;

enum ConfigOption : std::int32_t {
  kPriority = 0,
  kLoadType = 1,
  kPath = 2,
  kMemory = 3,
  kMemorySize = 4,
  kWeightMemory = 5,
  kWeightSize = 6,
  kWorkMemory = 7,
  kWorkSize = 8,
  kWorkOptimize = 13,
  kWeightPath = 14,
  kMallocPolicy = 25,
};

template <class T>
T value_of(const LoadConfig& config, ConfigOption option) {
  T value{};
  const auto found = config.values.find(option);
  if (found != config.values.end()) std::memcpy(&value, found->second.data(), sizeof value);
  return value;
}

std::string text_of(const LoadConfig& config, ConfigOption option) {
  const auto found = config.values.find(option);
  return found == config.values.end() ? std::string() : found->second;
}

aclError load_with_config(const LoadConfig& config, std::uint32_t* model_id) {
  LoadRequest request;
  request.weights = config.weights;
  request.weight_folder = text_of(config, kWeightPath);
  const auto type = value_of<std::size_t>(config, kLoadType);
  if (type < 1 || type > 4) return fail(kInvalidParam, "the load type is missing or not one of 1 to 4");
  // Only a model in memory without memory of the caller's may name another folder for its weights.
  if (type != 3 && !request.weight_folder.empty()) return fail(kInvalidParam, "the load type takes no weight path");
  if (type == 1 || type == 2) {
    request.path = text_of(config, kPath);
    if (request.path.empty()) return fail(kInvalidParam, "the load type asks for a path");
  } else {
    const auto* memory = value_of<const void*>(config, kMemory);
    const auto size = value_of<std::size_t>(config, kMemorySize);
    if (memory == nullptr || size == 0) return fail(kInvalidParam, "the load type asks for a model in memory");
    request.bytes = {static_cast<const std::byte*>(memory), size};
  }
  if (type == 2 || type == 4) {
    request.memory = {value_of<void*>(config, kWorkMemory), value_of<std::size_t>(config, kWorkSize),
                      value_of<void*>(config, kWeightMemory), value_of<std::size_t>(config, kWeightSize)};
  }
  return load(request, model_id);
}

}  // namespace

STAND_IN_API aclmdlConfigHandle* aclmdlCreateConfigHandle(void) {
  return run_value<aclmdlConfigHandle*>("aclmdlCreateConfigHandle", nullptr, [] {
    return static_cast<aclmdlConfigHandle*>(World::get().load_configs.add(std::make_shared<LoadConfig>()));
  });
}

STAND_IN_API aclError aclmdlDestroyConfigHandle(aclmdlConfigHandle* handle) {
  return run_call({.function = "aclmdlDestroyConfigHandle", .releases = true}, [&](Call&) {
    if (handle == nullptr) return null_argument("handle");
    return World::get().load_configs.take(handle) ? kSuccess
                                                  : fail(kInvalidParam, "stand-in: not a live config handle");
  });
}

STAND_IN_API aclError aclmdlSetConfigOpt(aclmdlConfigHandle* handle, std::int32_t attr, const void* attrValue,
                                         std::size_t valueSize) {
  return run_call({.function = "aclmdlSetConfigOpt"}, [&](Call&) {
    if (handle == nullptr || attrValue == nullptr) return null_argument("handle or value");
    const std::shared_ptr<LoadConfig> config = World::get().load_configs.find(handle);
    if (!config) return fail(kInvalidParam, "stand-in: not a live config handle");
    const std::size_t wanted = attr == kPriority ? sizeof(std::int32_t) : sizeof(void*);
    switch (attr) {
      case kPath:
      case kWeightPath: {
        // The value is a pointer to the text's pointer, as for the memory addresses.
        if (valueSize != sizeof(char*)) return fail(kInvalidParam, "the value of a path option is a pointer");
        const char* path = nullptr;
        std::memcpy(&path, attrValue, sizeof path);
        if (path == nullptr) return null_argument("path");
        config->values[attr] = path;
        return kSuccess;
      }
      case kPriority:
      case kLoadType:
      case kMemory:
      case kMemorySize:
      case kWeightMemory:
      case kWeightSize:
      case kWorkMemory:
      case kWorkSize:
      case kWorkOptimize:
      case kMallocPolicy:
        if (valueSize != wanted) return fail(kInvalidParam, "the value of the option has the wrong size");
        config->values[attr].assign(static_cast<const char*>(attrValue), valueSize);
        return kSuccess;
      default:
        return fail(kInvalidParam, "stand-in: option " + std::to_string(attr) + " is not supported");
    }
  });
}

STAND_IN_API aclError aclmdlSetExternalWeightAddress(const aclmdlConfigHandle* handle, const char* weightFileName,
                                                     void* devPtr, std::size_t size) {
  return run_call({.function = "aclmdlSetExternalWeightAddress"}, [&](Call& call) {
    call.bytes = size;
    if (handle == nullptr || weightFileName == nullptr || devPtr == nullptr)
      return null_argument("handle, name or devPtr");
    if (size == 0 || size % 32 != 0) return fail(kInvalidParam, "the size must be a multiple of 32 and not 0");
    const std::shared_ptr<LoadConfig> config = World::get().load_configs.find(handle);
    if (!config) return fail(kInvalidParam, "stand-in: not a live config handle");
    if (!World::get().memory.is_device_address(devPtr))
      return fail(kInvalidParam, "stand-in: the weights are not on a device");
    config->weights[weightFileName] = {devPtr, size};
    return kSuccess;
  });
}

STAND_IN_API aclError aclmdlLoadWithConfig(const aclmdlConfigHandle* handle, std::uint32_t* modelId) {
  return run_call({.function = "aclmdlLoadWithConfig"}, [&](Call&) {
    if (handle == nullptr) return null_argument("handle");
    const std::shared_ptr<LoadConfig> config = World::get().load_configs.find(handle);
    return config ? load_with_config(*config, modelId) : fail(kInvalidParam, "stand-in: not a live config handle");
  });
}
