// A libascendcl.so of a few hundred lines for the tests of native/: host memory for device memory, and a "model" that
// adds to bytes. It is no model of a device (test/stand-in/ is): it counts, checks threads, and fails on demand.
//   model file: text "inputs outputs size": so many tensors of `size` bytes; output i = input 0 + i + 1, byte by byte
//   FAKE_ACL_FAIL=function:n:code   the n-th call of the function from now on fails
//   FAKE_ACL_HANG=1                 the device never finishes
//   FAKE_ACL_HANG=function          the function does not return as long as this is set
//   FAKE_ACL_TRACE=file             appends the name of each function called, and "NAME hangs" where one begins to
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "acl_types.h"

struct aclDataBuffer {
  void* data;
  size_t size;
};
struct aclmdlDataset {
  std::vector<aclDataBuffer*> buffers;
};
struct FakeModel {
  size_t inputs = 0;
  size_t outputs = 0;
  size_t size = 0;
};
struct aclmdlDesc {
  FakeModel model;
};
struct aclmdlConfigHandle {
  const void* data = nullptr;
  size_t size = 0;
};
struct aclmdlExecConfigHandle {
  int32_t timeout_ms = -1;
};

namespace {

struct State {
  std::mutex mutex;
  uint64_t references = 0;
  int64_t claims = 0;
  std::multiset<std::string> live;  // what was made and not released
  std::set<void*> memory;
  std::map<uint32_t, FakeModel> models;
  uint32_t next_model = 1;
  std::vector<std::function<void()>> queue;
  std::string fault;
  int calls_until_fault = 0;
};

State& state() {
  static State instance;
  return instance;
}

thread_local bool has_context = false;
// The 5070xx error that the context has met: all that needs the context fails with it.
thread_local aclError context_failure = ACL_SUCCESS;
thread_local std::string recent_message;

void trace(const std::string& line) {
  if (const char* path = std::getenv("FAKE_ACL_TRACE"); path != nullptr && *path != '\0') {
    std::ofstream(path, std::ios::app) << line << '\n';
  }
}

/** Every call passes here: traces it, and returns the code that FAKE_ACL_FAIL asks for, or 0. */
aclError fault_of(const std::string& function) {
  trace(function);
  const char* text = std::getenv("FAKE_ACL_FAIL");
  const std::string fault = text == nullptr ? "" : text;
  State& s = state();
  if (fault != s.fault) {
    s.fault = fault;
    const size_t colon = fault.find(':');
    s.calls_until_fault = colon == std::string::npos ? 0 : std::atoi(fault.c_str() + colon + 1);
  }
  if (fault.rfind(function + ":", 0) != 0 || --s.calls_until_fault != 0) return ACL_SUCCESS;
  recent_message = "EZ9999: injected fault\n";
  const aclError code = std::atoi(fault.c_str() + fault.rfind(':') + 1);
  if (has_context && code >= 507000 && code <= 507099 && code != 507046) context_failure = code;
  return code;
}

void* allocate(const char* what, size_t size) {
  const size_t grant = (size + 63) / 64 * 64 + 64;
  void* memory = std::aligned_alloc(64, grant);
  std::memset(memory, 0xA5, grant);
  state().memory.insert(memory);
  state().live.insert(what);
  return memory;
}

void remove_live(const std::string& what) {
  if (const auto found = state().live.find(what); found != state().live.end()) state().live.erase(found);
}

void release(const char* what, void* memory) {
  if (state().memory.erase(memory) == 0) std::abort();
  std::free(memory);
  remove_live(what);
}

bool hangs() {
  const char* text = std::getenv("FAKE_ACL_HANG");
  return text != nullptr && *text == '1';
}

void stay_while_hanging(const char* function) {
  const char* text = std::getenv("FAKE_ACL_HANG");
  if (text != nullptr && std::strcmp(text, function) == 0) trace(function + std::string(" hangs"));
  while (text != nullptr && std::strcmp(text, function) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    text = std::getenv("FAKE_ACL_HANG");
  }
}

aclError synchronise(int32_t timeout_ms) {
  if (hangs()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(timeout_ms));
    return 507046;
  }
  for (const auto& task : state().queue) task();
  state().queue.clear();
  return ACL_SUCCESS;
}

aclError execute(uint32_t id, const aclmdlDataset* in, aclmdlDataset* out, bool later) {
  const auto found = state().models.find(id);
  if (found == state().models.end()) return 145003;
  const FakeModel model = found->second;
  if (in->buffers.size() != model.inputs || out->buffers.size() != model.outputs) return 500002;
  std::vector<aclDataBuffer> inputs, outputs;
  for (const auto* buffer : in->buffers) inputs.push_back(*buffer);
  for (const auto* buffer : out->buffers) outputs.push_back(*buffer);
  auto task = [=] {
    const auto* from = static_cast<const unsigned char*>(inputs[0].data);
    for (size_t i = 0; i < outputs.size(); ++i) {
      auto* to = static_cast<unsigned char*>(outputs[i].data);
      for (size_t byte = 0; byte < model.size; ++byte) to[byte] = static_cast<unsigned char>(from[byte] + i + 1);
    }
  };
  if (later) {
    state().queue.push_back(task);
  } else {
    task();
  }
  return ACL_SUCCESS;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))
#define ENTER(function)                      \
  stay_while_hanging(#function);             \
  const std::lock_guard lock(state().mutex); \
  if (const aclError fault = fault_of(#function); fault != ACL_SUCCESS) return fault
#define ENTER_OR_NULL(function)              \
  const std::lock_guard lock(state().mutex); \
  if (fault_of(#function) != ACL_SUCCESS) return nullptr
#define NEED_CONTEXT()             \
  if (!has_context) return 107002; \
  if (context_failure != ACL_SUCCESS) return context_failure
#define SIMPLE(function, parameters, ...) \
  EXPORT aclError function parameters {   \
    ENTER(function);                      \
    __VA_ARGS__;                          \
    return ACL_SUCCESS;                   \
  }

// A release is done although it is said to have failed.
#define RELEASE(function, parameters, ...)     \
  EXPORT aclError function parameters {        \
    stay_while_hanging(#function);             \
    const std::lock_guard lock(state().mutex); \
    const aclError fault = fault_of(#function); \
    __VA_ARGS__;                               \
    return fault;                              \
  }

EXPORT aclError aclInit(const char*) {
  ENTER(aclInit);
  return state().references++ == 0 ? ACL_SUCCESS : 100002;
}
EXPORT aclError aclFinalizeReference(uint64_t* count) {
  ENTER(aclFinalizeReference);
  if (state().references == 0) return 100037;
  *count = --state().references;
  if (*count > 0 || state().live.empty()) return ACL_SUCCESS;
  recent_message = "left over:";
  for (const auto& what : state().live) recent_message += " " + what;
  state().live.clear();
  return 500000;
}
EXPORT const char* aclGetRecentErrMsg() {
  thread_local std::string message;
  message = std::exchange(recent_message, {});
  return message.empty() ? nullptr : message.c_str();
}
EXPORT const char* aclrtGetSocName() { return "Fake910"; }
SIMPLE(aclrtGetVersion, (int32_t * major, int32_t* minor, int32_t* patch), *major = 1; *minor = 16; *patch = 0)
SIMPLE(aclsysGetVersionStr, (char*, char* version), std::strcpy(version, "8.5.fake"))
SIMPLE(aclrtGetDeviceCount, (uint32_t * count), *count = 1)

EXPORT aclError aclrtSetDevice(int32_t device) {
  ENTER(aclrtSetDevice);
  if (device != 0) return 107001;
  ++state().claims;
  return ACL_SUCCESS;
}
SIMPLE(aclrtResetDevice, (int32_t), --state().claims)
EXPORT aclError aclrtResetDeviceForce(int32_t) {
  ENTER(aclrtResetDeviceForce);
  context_failure = ACL_SUCCESS;
  state().claims = 0;
  state().models.clear();
  state().queue.clear();
  for (void* memory : state().memory) std::free(memory);
  state().memory.clear();
  std::erase_if(state().live, [](const std::string& what) { return what.rfind("host ", 0) != 0; });
  return ACL_SUCCESS;
}
SIMPLE(aclrtCreateContext, (aclrtContext * context, int32_t), *context = &has_context; has_context = true;
       state().live.insert("context"))
SIMPLE(aclrtDestroyContext, (aclrtContext), has_context = false; remove_live("context"))
EXPORT aclError aclrtCreateStream(aclrtStream* stream) {
  ENTER(aclrtCreateStream);
  NEED_CONTEXT();
  *stream = &state();
  state().live.insert("stream");
  return ACL_SUCCESS;
}
SIMPLE(aclrtDestroyStream, (aclrtStream), remove_live("stream"))
SIMPLE(aclrtDestroyStreamForce, (aclrtStream), remove_live("stream"); state().queue.clear())
EXPORT aclError aclrtSynchronizeStreamWithTimeout(aclrtStream, int32_t timeout_ms) {
  ENTER(aclrtSynchronizeStreamWithTimeout);
  NEED_CONTEXT();
  return synchronise(timeout_ms);
}

EXPORT aclError aclrtMalloc(void** pointer, size_t size, aclrtMemMallocPolicy) {
  ENTER(aclrtMalloc);
  NEED_CONTEXT();
  if (size == 0) return 100000;
  if (size > (size_t{1} << 30)) return 207001;
  *pointer = allocate("memory", size);
  return ACL_SUCCESS;
}
SIMPLE(aclrtFree, (void* pointer), NEED_CONTEXT(); release("memory", pointer))
SIMPLE(aclrtMallocHost, (void** pointer, size_t size), *pointer = allocate("pinned memory", size))
RELEASE(aclrtFreeHost, (void* pointer), release("pinned memory", pointer))
EXPORT aclError aclrtMemcpyAsync(void* to, size_t limit, const void* from, size_t size, aclrtMemcpyKind, aclrtStream) {
  ENTER(aclrtMemcpyAsync);
  NEED_CONTEXT();
  if (size == 0 || size > limit) return 107000;
  state().queue.emplace_back([=] { std::memmove(to, from, size); });
  return ACL_SUCCESS;
}
SIMPLE(aclrtMemsetAsync, (void* to, size_t, int32_t value, size_t size, aclrtStream), NEED_CONTEXT();
       state().queue.emplace_back([=] { std::memset(to, value, size); }))
SIMPLE(aclrtGetMemInfo, (aclrtMemAttr, size_t* free, size_t* total), *free = 1000; *total = 4000)

EXPORT aclDataBuffer* aclCreateDataBuffer(void* data, size_t size) {
  ENTER_OR_NULL(aclCreateDataBuffer);
  state().live.insert("host data buffer");
  return new aclDataBuffer{data, size};
}
RELEASE(aclDestroyDataBuffer, (const aclDataBuffer* buffer), delete buffer; remove_live("host data buffer"))
SIMPLE(aclUpdateDataBuffer, (aclDataBuffer * buffer, void* data, size_t size), *buffer = {data, size})
EXPORT aclmdlDataset* aclmdlCreateDataset() {
  ENTER_OR_NULL(aclmdlCreateDataset);
  state().live.insert("host dataset");
  return new aclmdlDataset;
}
RELEASE(aclmdlDestroyDataset, (const aclmdlDataset* dataset), delete dataset; remove_live("host dataset"))
SIMPLE(aclmdlAddDatasetBuffer, (aclmdlDataset * dataset, aclDataBuffer* buffer), dataset->buffers.push_back(buffer))

SIMPLE(aclmdlQuerySizeFromMem, (const void*, size_t, size_t* work, size_t* weight), *work = 128; *weight = 256)
EXPORT aclmdlConfigHandle* aclmdlCreateConfigHandle() {
  ENTER_OR_NULL(aclmdlCreateConfigHandle);
  state().live.insert("host config");
  return new aclmdlConfigHandle;
}
RELEASE(aclmdlDestroyConfigHandle, (aclmdlConfigHandle * config), delete config; remove_live("host config"))
SIMPLE(aclmdlSetConfigOpt, (aclmdlConfigHandle * config, aclmdlConfigAttr option, const void* value, size_t size),
       if (option == ACL_MDL_MEM_ADDR_PTR) std::memcpy(&config->data, value, size);
       if (option == ACL_MDL_MEM_SIZET) std::memcpy(&config->size, value, size))
SIMPLE(aclmdlSetExternalWeightAddress, (aclmdlConfigHandle*, const char*, void*, size_t size),
       if (size % 32 != 0) return 100000)
EXPORT aclError aclmdlLoadWithConfig(const aclmdlConfigHandle* config, uint32_t* id) {
  ENTER(aclmdlLoadWithConfig);
  NEED_CONTEXT();
  FakeModel model;
  std::istringstream text(std::string(static_cast<const char*>(config->data), config->size));
  if (!(text >> model.inputs >> model.outputs >> model.size)) return 145000;
  *id = state().next_model++;
  state().models[*id] = model;
  state().live.insert("model");
  return ACL_SUCCESS;
}
EXPORT aclError aclmdlUnload(uint32_t id) {
  ENTER(aclmdlUnload);
  NEED_CONTEXT();
  remove_live("model");
  return state().models.erase(id) == 1 ? ACL_SUCCESS : 145003;
}
EXPORT aclmdlExecConfigHandle* aclmdlCreateExecConfigHandle() {
  ENTER_OR_NULL(aclmdlCreateExecConfigHandle);
  state().live.insert("host execute config");
  return new aclmdlExecConfigHandle;
}
RELEASE(aclmdlDestroyExecConfigHandle, (const aclmdlExecConfigHandle* config), delete config;
       remove_live("host execute config"))
SIMPLE(aclmdlSetExecConfigOpt, (aclmdlExecConfigHandle * config, aclmdlExecConfigAttr, const void* value, size_t size),
       std::memcpy(&config->timeout_ms, value, size))
EXPORT aclError aclmdlExecuteV2(uint32_t id, const aclmdlDataset* in, aclmdlDataset* out, aclrtStream,
                                const aclmdlExecConfigHandle* config) {
  ENTER(aclmdlExecuteV2);
  NEED_CONTEXT();
  if (!state().queue.empty()) return 500002;
  if (hangs()) return synchronise(config->timeout_ms);
  return execute(id, in, out, false);
}
EXPORT aclError aclmdlExecuteAsync(uint32_t id, const aclmdlDataset* in, aclmdlDataset* out, aclrtStream) {
  ENTER(aclmdlExecuteAsync);
  NEED_CONTEXT();
  return execute(id, in, out, true);
}

EXPORT aclmdlDesc* aclmdlCreateDesc() {
  ENTER_OR_NULL(aclmdlCreateDesc);
  state().live.insert("host description");
  return new aclmdlDesc;
}
RELEASE(aclmdlDestroyDesc, (aclmdlDesc * description), delete description; remove_live("host description"))
SIMPLE(aclmdlGetDesc, (aclmdlDesc * description, uint32_t id), description->model = state().models.at(id))
#define DESCRIBE(Side, side)                                                                                      \
  EXPORT size_t aclmdlGetNum##Side##s(aclmdlDesc* description) { return description->model.side##s; }             \
  EXPORT size_t aclmdlGet##Side##SizeByIndex(aclmdlDesc* description, size_t) { return description->model.size; } \
  EXPORT const char* aclmdlGet##Side##NameByIndex(const aclmdlDesc*, size_t) { return #side; }                    \
  EXPORT aclFormat aclmdlGet##Side##Format(const aclmdlDesc*, size_t) { return ACL_FORMAT_ND; }                   \
  EXPORT aclDataType aclmdlGet##Side##DataType(const aclmdlDesc*, size_t) { return ACL_UINT8; }                   \
  EXPORT aclError aclmdlGet##Side##Dims(const aclmdlDesc* description, size_t, aclmdlIODims* dims) {              \
    ENTER(aclmdlGet##Side##Dims);                                                                                 \
    dims->dimCount = 2;                                                                                           \
    dims->dims[0] = 1;                                                                                            \
    dims->dims[1] = static_cast<int64_t>(description->model.size);                                                \
    return ACL_SUCCESS;                                                                                           \
  }
DESCRIBE(Input, input)
DESCRIBE(Output, output)
