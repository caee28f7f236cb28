// What a model says of its inputs and outputs.
#include <algorithm>
#include <cstring>

#include "call.h"
#include "settings.h"

namespace {

using namespace stand_in;

constexpr std::size_t kLongestName = 127;

enum class Side { input, output };

const std::vector<TensorInfo>& tensors(const Desc& desc, Side side) {
  return side == Side::input ? desc.info->inputs : desc.info->outputs;
}

std::shared_ptr<Desc> find_desc(const aclmdlDesc* desc) {
  std::shared_ptr<Desc> found = World::get().descs.find(desc);
  return found && found->info ? found : nullptr;
}

/** A name as aclmdlIODims can hold it: a long one is replaced, and aclmdlGetTensorRealName leads back. */
std::vector<std::string> short_names(const std::vector<TensorInfo>& tensors, const char* side, std::uint32_t model) {
  std::vector<std::string> names;
  for (const TensorInfo& tensor : tensors) {
    const std::string replaced =
        "acl_modelId_" + std::to_string(model) + '_' + side + '_' + std::to_string(names.size());
    names.push_back(tensor.name.size() > kLongestName ? replaced : tensor.name);
  }
  return names;
}

aclError describe(aclmdlDesc* handle, std::shared_ptr<const OmInfo> info, std::uint32_t model) {
  const std::shared_ptr<Desc> desc = World::get().descs.find(handle);
  if (!desc) return fail(kInvalidParam, "stand-in: not a live model description");
  desc->input_names = short_names(info->inputs, "input", model);
  desc->output_names = short_names(info->outputs, "output", model);
  desc->info = std::move(info);
  desc->model = model;
  return kSuccess;
}

aclError describe(aclmdlDesc* handle, OmResult om) {
  if (om.code != kSuccess) return fail(om.code, om.text);
  return describe(handle, std::make_shared<const OmInfo>(std::move(om.info)), 0);
}

template <class T>
T tensor_value(const char* function, const aclmdlDesc* handle, Side side, std::size_t index, T fallback,
               const std::function<T(const TensorInfo&)>& get) {
  return run_value<T>(function, fallback, [&] {
    const auto desc = find_desc(handle);
    return desc && index < tensors(*desc, side).size() ? get(tensors(*desc, side)[index]) : fallback;
  });
}

std::size_t number_of(const char* function, const aclmdlDesc* handle, Side side) {
  return run_value<std::size_t>(function, 0, [&]() -> std::size_t {
    const auto desc = find_desc(handle);
    return desc ? tensors(*desc, side).size() : 0;
  });
}

const char* name_of(const char* function, const aclmdlDesc* handle, Side side, std::size_t index) {
  return run_value<const char*>(function, "", [&] {
    const auto desc = find_desc(handle);
    return desc && index < tensors(*desc, side).size() ? tensors(*desc, side)[index].name.c_str() : "";
  });
}

aclError dims_of(const char* function, const aclmdlDesc* handle, Side side, std::size_t index, aclmdlIODims* dims) {
  return run_call({.function = function}, [&](Call&) {
    if (dims == nullptr) return null_argument("dims");
    const auto desc = find_desc(handle);
    if (!desc || index >= tensors(*desc, side).size())
      return fail(kInvalidParam, "the description or its index is wrong");
    const TensorInfo& tensor = tensors(*desc, side)[index];
    const std::string& name = (side == Side::input ? desc->input_names : desc->output_names)[index];
    *dims = {};
    std::copy_n(name.begin(), name.size(), dims->name);
    dims->dimCount = tensor.dims.size();
    std::copy(tensor.dims.begin(), tensor.dims.end(), dims->dims);
    return kSuccess;
  });
}

aclError index_of(const char* function, const aclmdlDesc* handle, Side side, const char* name, std::size_t* index) {
  return run_call({.function = function}, [&](Call&) {
    if (name == nullptr || index == nullptr) return null_argument("name or index");
    const auto desc = find_desc(handle);
    if (!desc) return fail(kInvalidParam, "stand-in: not a filled model description");
    const auto& all = tensors(*desc, side);
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const TensorInfo& tensor) { return tensor.name == name; });
    if (found == all.end()) return fail(kInvalidParam, std::string("the model has no tensor ") + name);
    *index = static_cast<std::size_t>(found - all.begin());
    return kSuccess;
  });
}

}  // namespace

STAND_IN_API aclmdlDesc* aclmdlCreateDesc(void) {
  return run_value<aclmdlDesc*>("aclmdlCreateDesc", nullptr, [] {
    return static_cast<aclmdlDesc*>(World::get().descs.add(std::make_shared<Desc>()));
  });
}

STAND_IN_API aclError aclmdlDestroyDesc(aclmdlDesc* modelDesc) {
  return run_call({.function = "aclmdlDestroyDesc", .releases = true}, [&](Call&) {
    if (modelDesc == nullptr) return null_argument("modelDesc");
    return World::get().descs.take(modelDesc) ? kSuccess
                                              : fail(kInvalidParam, "stand-in: not a live model description");
  });
}

STAND_IN_API aclError aclmdlGetDesc(aclmdlDesc* modelDesc, std::uint32_t modelId) {
  return run_call({.function = "aclmdlGetDesc"}, [&](Call&) {
    if (modelDesc == nullptr) return null_argument("modelDesc");
    const std::shared_ptr<Model> model = World::get().find_model(modelId);
    if (!model) return fail(kGeModelId, "model " + std::to_string(modelId) + " is not loaded");
    return describe(modelDesc, model->info, modelId);
  });
}

STAND_IN_API aclError aclmdlGetDescFromFile(aclmdlDesc* modelDesc, const char* modelPath) {
  return run_call({.function = "aclmdlGetDescFromFile"}, [&](Call&) {
    if (modelDesc == nullptr || modelPath == nullptr) return null_argument("modelDesc or modelPath");
    const OmOnDisk file(modelPath);
    if (!file.exists()) return fail(kGeModelPath, std::string("the model ") + modelPath + " cannot be opened");
    return describe(modelDesc, read_om(file, Settings::get().soc()));
  });
}

STAND_IN_API aclError aclmdlGetDescFromMem(aclmdlDesc* modelDesc, const void* model, std::size_t modelSize) {
  return run_call({.function = "aclmdlGetDescFromMem"}, [&](Call&) {
    if (modelDesc == nullptr || model == nullptr) return null_argument("modelDesc or model");
    if (modelSize == 0) return fail(kInvalidParam, "the model's size must not be 0");
    return describe(modelDesc,
                    read_om(OmInMemory({static_cast<const std::byte*>(model), modelSize}), Settings::get().soc()));
  });
}

STAND_IN_API std::size_t aclmdlGetNumInputs(aclmdlDesc* modelDesc) {
  return number_of("aclmdlGetNumInputs", modelDesc, Side::input);
}

STAND_IN_API std::size_t aclmdlGetNumOutputs(aclmdlDesc* modelDesc) {
  return number_of("aclmdlGetNumOutputs", modelDesc, Side::output);
}

STAND_IN_API std::size_t aclmdlGetInputSizeByIndex(aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::size_t>("aclmdlGetInputSizeByIndex", modelDesc, Side::input, index, 0,
                                   [](const TensorInfo& tensor) { return tensor.size; });
}

STAND_IN_API std::size_t aclmdlGetOutputSizeByIndex(aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::size_t>("aclmdlGetOutputSizeByIndex", modelDesc, Side::output, index, 0,
                                   [](const TensorInfo& tensor) { return tensor.size; });
}

STAND_IN_API const char* aclmdlGetInputNameByIndex(const aclmdlDesc* modelDesc, std::size_t index) {
  return name_of("aclmdlGetInputNameByIndex", modelDesc, Side::input, index);
}

STAND_IN_API const char* aclmdlGetOutputNameByIndex(const aclmdlDesc* modelDesc, std::size_t index) {
  return name_of("aclmdlGetOutputNameByIndex", modelDesc, Side::output, index);
}

STAND_IN_API std::int32_t aclmdlGetInputFormat(const aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::int32_t>("aclmdlGetInputFormat", modelDesc, Side::input, index, -1,
                                    [](const TensorInfo& tensor) { return tensor.format; });
}

STAND_IN_API std::int32_t aclmdlGetOutputFormat(const aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::int32_t>("aclmdlGetOutputFormat", modelDesc, Side::output, index, -1,
                                    [](const TensorInfo& tensor) { return tensor.format; });
}

STAND_IN_API std::int32_t aclmdlGetInputDataType(const aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::int32_t>("aclmdlGetInputDataType", modelDesc, Side::input, index, -1,
                                    [](const TensorInfo& tensor) { return tensor.data_type; });
}

STAND_IN_API std::int32_t aclmdlGetOutputDataType(const aclmdlDesc* modelDesc, std::size_t index) {
  return tensor_value<std::int32_t>("aclmdlGetOutputDataType", modelDesc, Side::output, index, -1,
                                    [](const TensorInfo& tensor) { return tensor.data_type; });
}

STAND_IN_API aclError aclmdlGetInputDims(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
  return dims_of("aclmdlGetInputDims", modelDesc, Side::input, index, dims);
}

STAND_IN_API aclError aclmdlGetInputDimsV2(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
  return dims_of("aclmdlGetInputDimsV2", modelDesc, Side::input, index, dims);
}

STAND_IN_API aclError aclmdlGetOutputDims(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
  return dims_of("aclmdlGetOutputDims", modelDesc, Side::output, index, dims);
}

STAND_IN_API aclError aclmdlGetCurOutputDims(const aclmdlDesc* modelDesc, std::size_t index, aclmdlIODims* dims) {
  return dims_of("aclmdlGetCurOutputDims", modelDesc, Side::output, index, dims);
}

STAND_IN_API aclError aclmdlGetInputIndexByName(const aclmdlDesc* modelDesc, const char* name, std::size_t* index) {
  return index_of("aclmdlGetInputIndexByName", modelDesc, Side::input, name, index);
}

STAND_IN_API aclError aclmdlGetOutputIndexByName(const aclmdlDesc* modelDesc, const char* name, std::size_t* index) {
  return index_of("aclmdlGetOutputIndexByName", modelDesc, Side::output, name, index);
}

STAND_IN_API const char* aclmdlGetTensorRealName(const aclmdlDesc* modelDesc, const char* name) {
  return run_value<const char*>("aclmdlGetTensorRealName", nullptr, [&]() -> const char* {
    const auto desc = find_desc(modelDesc);
    if (!desc || name == nullptr) return nullptr;
    const auto search = [&](const std::vector<std::string>& names, const std::vector<TensorInfo>& all) -> const char* {
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name || all[i].name == name) return all[i].name.c_str();
      }
      return nullptr;
    };
    const char* input = search(desc->input_names, desc->info->inputs);
    return input != nullptr ? input : search(desc->output_names, desc->info->outputs);
  });
}
