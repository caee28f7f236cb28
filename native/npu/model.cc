#include "model.h"

#include <algorithm>
#include <utility>

namespace {

using ConfigHandle = std::unique_ptr<aclmdlConfigHandle, AclRelease<&AclApi::aclmdlDestroyConfigHandle>>;
using Description = std::unique_ptr<aclmdlDesc, AclRelease<&AclApi::aclmdlDestroyDesc>>;

template <typename Value>
void set_option(const ConfigHandle& config, aclmdlConfigAttr option, const Value& value) {
  acl_check(acl().aclmdlSetConfigOpt, config.get(), option, &value, sizeof value);
}

void set_buffer(const ConfigHandle& config, const std::shared_ptr<DeviceBuffer>& buffer, aclmdlConfigAttr address,
                aclmdlConfigAttr size) {
  if (buffer == nullptr) return;
  void* const data = buffer->data();
  set_option(config, address, data);
  set_option(config, size, buffer->size_bytes());
}

uint32_t load(const MappedFile& file, const ModelMemory& memory) {
  const ConfigHandle config(acl_create(acl().aclmdlCreateConfigHandle));
  const bool with_memory = memory.work != nullptr || memory.weights != nullptr;
  set_option(config, ACL_MDL_LOAD_TYPE_SIZET, with_memory ? ACL_MDL_LOAD_FROM_MEM_WITH_MEM : ACL_MDL_LOAD_FROM_MEM);
  const void* const address = file.data();
  set_option(config, ACL_MDL_MEM_ADDR_PTR, address);
  set_option(config, ACL_MDL_MEM_SIZET, file.size_bytes());
  set_buffer(config, memory.work, ACL_MDL_WORKSPACE_ADDR_PTR, ACL_MDL_WORKSPACE_SIZET);
  set_buffer(config, memory.weights, ACL_MDL_WEIGHT_ADDR_PTR, ACL_MDL_WEIGHT_SIZET);
  for (const ExternalWeight& weight : memory.external_weights) {
    acl_check(acl().aclmdlSetExternalWeightAddress, config.get(), weight.file_name.c_str(), weight.slice.data(),
              weight.slice.size_bytes);
  }
  uint32_t id = 0;
  acl_check(acl().aclmdlLoadWithConfig, config.get(), &id);
  return id;
}

std::string dtype_name(aclDataType dtype) {
  static constexpr std::pair<aclDataType, const char*> kNames[] = {
      {ACL_FLOAT, "float32"}, {ACL_FLOAT16, "float16"}, {ACL_BF16, "bfloat16"}, {ACL_DOUBLE, "float64"},
      {ACL_INT8, "int8"},     {ACL_UINT8, "uint8"},     {ACL_INT16, "int16"},   {ACL_UINT16, "uint16"},
      {ACL_INT32, "int32"},   {ACL_UINT32, "uint32"},   {ACL_INT64, "int64"},   {ACL_UINT64, "uint64"},
      {ACL_BOOL, "bool"}};
  for (const auto& [value, name] : kNames) {
    if (value == dtype) return name;
  }
  return "acl:" + std::to_string(dtype);
}

std::string format_name(aclFormat format) {
  static constexpr std::pair<aclFormat, const char*> kNames[] = {{ACL_FORMAT_ND, "ND"},
                                                                 {ACL_FORMAT_NCHW, "NCHW"},
                                                                 {ACL_FORMAT_NHWC, "NHWC"},
                                                                 {ACL_FORMAT_NCL, "NCL"},
                                                                 {ACL_FORMAT_NC1HWC0, "NC1HWC0"},
                                                                 {ACL_FORMAT_FRACTAL_Z, "FRACTAL_Z"},
                                                                 {ACL_FORMAT_FRACTAL_NZ, "FRACTAL_NZ"}};
  for (const auto& [value, name] : kNames) {
    if (value == format) return name;
  }
  return "acl:" + std::to_string(format);
}

/** ACL asks about inputs and outputs with twin functions. */
struct SpecQueries {
  const AclFunction<size_t(aclmdlDesc*)>& count;
  const AclFunction<const char*(const aclmdlDesc*, size_t)>& name;
  const AclFunction<aclError(const aclmdlDesc*, size_t, aclmdlIODims*)>& dims;
  const AclFunction<aclDataType(const aclmdlDesc*, size_t)>& dtype;
  const AclFunction<aclFormat(const aclmdlDesc*, size_t)>& format;
  const AclFunction<size_t(aclmdlDesc*, size_t)>& size_bytes;
};

/** Calls a function that has no code of its own to return: `invalid` is its way to say that it failed. */
template <typename Value, typename... Parameters>
Value ask_for(const AclFunction<Value(Parameters...)>& function, std::type_identity_t<Value> invalid,
              std::type_identity_t<Parameters>... parameters) {
  const Value value = function(parameters...);
  if (value == invalid) throw_acl_error(function.name, kUnknownFailure);
  return value;
}

TensorSpec spec_of(aclmdlDesc* description, size_t index, const SpecQueries& ask) {
  constexpr int kUndefined = -1;
  const auto dims = std::make_unique<aclmdlIODims>();
  acl_check(ask.dims, description, index, dims.get());
  const char* name = ask_for(ask.name, nullptr, description, index);
  if (*name == '\0') throw_acl_error(ask.name.name, kUnknownFailure);
  return {.name = name,
          .dims = {dims->dims, dims->dims + std::min(dims->dimCount, kAclDimLimit)},
          .dtype = dtype_name(ask_for(ask.dtype, static_cast<aclDataType>(kUndefined), description, index)),
          .format = format_name(ask_for(ask.format, static_cast<aclFormat>(kUndefined), description, index)),
          .size_bytes = ask_for(ask.size_bytes, 0, description, index)};
}

std::vector<TensorSpec> specs_of(aclmdlDesc* description, const SpecQueries& ask, const std::string& path) {
  std::vector<TensorSpec> specs;
  const size_t count = ask_for(ask.count, 0, description);
  for (size_t index = 0; index < count; ++index) {
    TensorSpec spec = spec_of(description, index, ask);
    if (std::any_of(spec.dims.begin(), spec.dims.end(), [](int64_t dim) { return dim < 0; })) {
      throw Failure("NPU_MODEL", path + ": tensor " + spec.name + " has a dynamic shape",
                    "Convert the model with static shapes.");
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

ModelSizes query_model_sizes(const std::string& path) {
  const MappedFile file(path, MappedFile::Use::decode_in_place);
  ModelSizes sizes{};
  acl_check(acl().aclmdlQuerySizeFromMem, file.data(), file.size_bytes(), &sizes.work_bytes, &sizes.weight_bytes);
  return sizes;
}

Model::Model(const std::string& path, ModelMemory memory, RunMode mode) : memory_(std::move(memory)), mode_(mode) {
  id_ = load(MappedFile(path, MappedFile::Use::decode_in_place), memory_);
  try {
    read_specs(path);
  } catch (...) {
    note_release("aclmdlUnload", acl().aclmdlUnload(id_));
    throw;
  }
}

Model::~Model() { note_release("aclmdlUnload", acl().aclmdlUnload(id_)); }

void Model::read_specs(const std::string& path) {
  const AclApi& api = acl();
  const Description description(acl_create(api.aclmdlCreateDesc));
  acl_check(api.aclmdlGetDesc, description.get(), id_);
  inputs_ = specs_of(description.get(),
                     {api.aclmdlGetNumInputs, api.aclmdlGetInputNameByIndex, api.aclmdlGetInputDims,
                      api.aclmdlGetInputDataType, api.aclmdlGetInputFormat, api.aclmdlGetInputSizeByIndex},
                     path);
  outputs_ = specs_of(description.get(),
                      {api.aclmdlGetNumOutputs, api.aclmdlGetOutputNameByIndex, api.aclmdlGetOutputDims,
                       api.aclmdlGetOutputDataType, api.aclmdlGetOutputFormat, api.aclmdlGetOutputSizeByIndex},
                      path);
}
