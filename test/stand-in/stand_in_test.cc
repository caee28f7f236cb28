// Drives the stand-in through its C ABI alone: stand_in_test <library> <scenario> [model]. Prints what does not hold
// and ends with 1 if anything did not. The model is the one that step-graph.ts makes: row = x + w, mean = mean(cache,
// axis 0).
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "library/abi.h"

namespace {

constexpr std::size_t kState = 64;
constexpr std::size_t kRows = 4;
constexpr std::size_t kRowBytes = kState * sizeof(float);

void* library = nullptr;
int failures = 0;
std::string model_path;

template <class... Arguments>
auto call(const char* name, Arguments... arguments) {
  using Function = aclError (*)(Arguments...);
  const auto function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) {
    std::fprintf(stderr, "%s is not exported\n", name);
    std::exit(2);
  }
  return function(arguments...);
}

template <class Result, class... Arguments>
Result value(const char* name, Arguments... arguments) {
  using Function = Result (*)(Arguments...);
  return reinterpret_cast<Function>(dlsym(library, name))(arguments...);
}

template <class Actual, class Expected>
void expect(const char* what, Actual actual, Expected expected) {
  if (actual == static_cast<Actual>(expected)) return;
  ++failures;
  std::fprintf(stderr, "%s: got %lld, expected %lld\n", what, static_cast<long long>(actual),
               static_cast<long long>(expected));
}

void check(const char* what, bool holds) { expect(what, holds, true); }

const void* null_text = nullptr;

void start() {
  expect("aclInit", call("aclInit", static_cast<const char*>(nullptr)), 0);
  expect("aclrtSetDevice", call("aclrtSetDevice", 0), 0);
}

void finish() {
  expect("aclrtResetDevice", call("aclrtResetDevice", 0), 0);
  expect("aclFinalize", call("aclFinalize"), 0);
}

char* device_malloc(std::size_t size) {
  void* memory = nullptr;
  expect("aclrtMalloc", call("aclrtMalloc", &memory, size, 0), 0);
  return static_cast<char*>(memory);
}

aclError copy(void* to, const void* from, std::size_t size, std::int32_t kind) {
  return call("aclrtMemcpy", to, size, from, size, kind);
}

using Row = std::array<float, kState>;

Row row_of(float value) {
  Row row;
  row.fill(value);
  return row;
}

void upload(char* to, const Row& row) { expect("upload", copy(to, row.data(), kRowBytes, 1), 0); }

Row download(const char* from) {
  Row row{};
  expect("download", copy(row.data(), from, kRowBytes, 2), 0);
  return row;
}

/** Input and output datasets over device addresses. */
class Dataset {
 public:
  explicit Dataset(std::initializer_list<std::pair<char*, std::size_t>> places)
      : handle_(value<aclmdlDataset*>("aclmdlCreateDataset")) {
    for (const auto& [address, size] : places) {
      auto* buffer = value<aclDataBuffer*>("aclCreateDataBuffer", static_cast<void*>(address), size);
      buffers_.push_back(buffer);
      expect("aclmdlAddDatasetBuffer", call("aclmdlAddDatasetBuffer", handle_, buffer), 0);
    }
  }
  ~Dataset() {
    expect("aclmdlDestroyDataset", call("aclmdlDestroyDataset", static_cast<const aclmdlDataset*>(handle_)), 0);
    for (aclDataBuffer* buffer : buffers_) {
      expect("aclDestroyDataBuffer", call("aclDestroyDataBuffer", static_cast<const aclDataBuffer*>(buffer)), 0);
    }
  }
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  const aclmdlDataset* in() const { return handle_; }
  aclmdlDataset* out() const { return handle_; }
  aclDataBuffer* buffer(std::size_t index) const { return buffers_[index]; }

 private:
  aclmdlDataset* handle_;
  std::vector<aclDataBuffer*> buffers_;
};

std::uint32_t load_model() {
  std::uint32_t id = 0;
  expect("aclmdlLoadFromFile", call("aclmdlLoadFromFile", model_path.c_str(), &id), 0);
  return id;
}

void unload(std::uint32_t id) { expect("aclmdlUnload", call("aclmdlUnload", id), 0); }
void device_free(void* memory) { expect("aclrtFree", call("aclrtFree", memory), 0); }

aclError execute(std::uint32_t id, const Dataset& in, const Dataset& out) {
  return call("aclmdlExecute", id, in.in(), out.out());
}

aclError execute_async(std::uint32_t id, const Dataset& in, const Dataset& out, aclrtStream stream) {
  return call("aclmdlExecuteAsync", id, in.in(), out.out(), stream);
}

void rules_of_start_and_end() {
  expect("finalize before init", call("aclFinalize"), 100037);
  expect("set device before init", call("aclrtSetDevice", 0), 100001);
  void* memory = nullptr;
  expect("malloc without context", call("aclrtMalloc", &memory, std::size_t{64}, 0), 107002);
  const char* text = value<const char*>("aclGetRecentErrMsg");
  check("a message is there", text != nullptr);
  check("and gone once read", value<const char*>("aclGetRecentErrMsg") == nullptr);
  expect("init", call("aclInit", static_cast<const char*>(nullptr)), 0);
  expect("init again", call("aclInit", static_cast<const char*>(nullptr)), 100002);
  std::uint64_t references = 9;
  expect("finalize one reference", call("aclFinalizeReference", &references), 0);
  expect("one is left", references, 1);
  expect("device out of range", call("aclrtSetDevice", 7), 107001);
  expect("context null", call("aclrtCreateContext", static_cast<void**>(nullptr), 0), 100000);
  expect("set device", call("aclrtSetDevice", 0), 0);
  expect("malloc of nothing", call("aclrtMalloc", &memory, std::size_t{0}, 0), 100000);
  expect("free null", call("aclrtFree", static_cast<void*>(nullptr)), 100000);
  expect("free host null", call("aclrtFreeHost", static_cast<void*>(nullptr)), 107000);
  std::uint32_t id = 0;
  expect("missing model", call("aclmdlLoadFromFile", "/nowhere/model.om", &id), 145002);
  expect("unload unknown", call("aclmdlUnload", std::uint32_t{99}), 145003);
  aclError elsewhere = 0;
  std::thread([&] { elsewhere = call("aclrtMalloc", &memory, std::size_t{64}, 0); }).join();
  expect("another thread has no context", elsewhere, 107002);
  check("it says that it is a stand-in", std::string(value<const char*>("whisperNpuStandIn")) == "stand-in");
  std::array<char, 128> version{};
  std::array<char, 8> package{"runtime"};
  expect("version", call("aclsysGetVersionStr", package.data(), version.data()), 0);
  check("in its version too", std::string(version.data()).find("stand-in") != std::string::npos);
  expect("reset", call("aclrtResetDevice", 0), 0);
  expect("reset again", call("aclrtResetDevice", 0), 107000);
  expect("finalize", call("aclFinalize"), 0);
  expect("init after finalize", call("aclInit", static_cast<const char*>(nullptr)), 0);
  expect("finalize", call("aclFinalize"), 0);
}

void memory() {
  start();
  char* block = device_malloc(kRows * kRowBytes);
  expect("aligned to 64", reinterpret_cast<std::uintptr_t>(block) % 64, 0);
  check("fresh memory is NaN", std::isnan(download(block)[0]));
  upload(block + kRowBytes, row_of(3));
  expect("sub-address", download(block + kRowBytes)[kState - 1], 3);
  expect("device to device", copy(block, block + kRowBytes, kRowBytes, 3), 0);
  expect("copied", download(block)[5], 3);
  expect("memset", call("aclrtMemset", static_cast<void*>(block), kRowBytes, 0, kRowBytes), 0);
  expect("zeroed", download(block)[5], 0);
  Row row = row_of(1);
  expect("past the end", copy(block + 3 * kRowBytes + 64, row.data(), kRowBytes, 1), 107000);
  expect("more than destMax",
         call("aclrtMemcpy", static_cast<void*>(block), std::size_t{4}, static_cast<const void*>(row.data()),
              std::size_t{8}, 1),
         107000);
  expect("nothing",
         call("aclrtMemcpy", static_cast<void*>(block), std::size_t{4}, static_cast<const void*>(row.data()),
              std::size_t{0}, 1),
         107000);
  expect("null", copy(block, null_text, 4, 1), 100000);
  expect("unknown kind", copy(block, row.data(), 4, 9), 100000);
  expect("wrong kind", copy(block, row.data(), 4, 2), 107000);
  expect("default kind", copy(block, row.data(), 4, 4), 0);
  std::vector<char> large(100 << 20, 'x');
  char* large_device = device_malloc(large.size());
  expect("100 MiB up", copy(large_device, large.data(), large.size(), 1), 0);
  std::vector<char> back(large.size());
  expect("100 MiB down", copy(back.data(), large_device, back.size(), 2), 0);
  check("the same", back == large);
  std::size_t free_bytes = 0;
  std::size_t total = 0;
  expect("memory figures", call("aclrtGetMemInfo", 1, &free_bytes, &total), 0);
  check("used memory is counted", total - free_bytes >= large.size());
  void* too_much = nullptr;
  expect("no room", call("aclrtMalloc", &too_much, free_bytes + 1, 0), 207001);
  device_free(large_device);
  device_free(block);
  expect("freed memory", copy(block, row.data(), 4, 1), 107000);
  expect("free twice", call("aclrtFree", static_cast<void*>(block)), 107000);
  void* host = nullptr;
  expect("host memory", call("aclrtMallocHost", &host, std::size_t{100}), 0);
  expect("free host", call("aclrtFreeHost", host), 0);
  finish();
}

void dereference() {
  start();
  volatile char* block = device_malloc(64);
  std::printf("%d\n", block[0]);
}

void sync_execute() {
  start();
  const std::uint32_t id = load_model();
  auto* desc = value<aclmdlDesc*>("aclmdlCreateDesc");
  expect("desc", call("aclmdlGetDesc", desc, id), 0);
  expect("desc of unknown", call("aclmdlGetDesc", desc, std::uint32_t{77}), 145003);
  expect("inputs", value<std::size_t>("aclmdlGetNumInputs", desc), 2);
  expect("outputs", value<std::size_t>("aclmdlGetNumOutputs", desc), 2);
  expect("input size", value<std::size_t>("aclmdlGetInputSizeByIndex", desc, std::size_t{1}), kRows * kRowBytes);
  expect("bad index", value<std::size_t>("aclmdlGetInputSizeByIndex", desc, std::size_t{9}), 0);
  const std::string output =
      value<const char*>("aclmdlGetOutputNameByIndex", static_cast<const aclmdlDesc*>(desc), std::size_t{0});
  check("output name is node:index:tensor", output == "row_node:0:row");
  aclmdlIODims dims{};
  expect("dims", call("aclmdlGetInputDims", static_cast<const aclmdlDesc*>(desc), std::size_t{1}, &dims), 0);
  expect("rank", dims.dimCount, 2);
  expect("rows", dims.dims[0], kRows);
  expect("destroy desc", call("aclmdlDestroyDesc", desc), 0);
  char* block = device_malloc(16 * kRowBytes);
  char* cache = block + 8 * kRowBytes;
  upload(block, row_of(1));
  for (std::size_t i = 0; i < kRows; ++i) upload(cache + i * kRowBytes, row_of(static_cast<float>(i)));
  {
    // The row goes into the very cache that the model reads.
    const Dataset in({{block, kRowBytes}, {cache, kRows * kRowBytes}});
    const Dataset out({{cache + 2 * kRowBytes, kRowBytes}, {block + kRowBytes, kRowBytes}});
    expect("execute", execute(id, in, out), 0);
    expect("row in the cache: 1 + w[3]", download(cache + 2 * kRowBytes)[3], 1.03F);
    expect("other rows untouched", download(cache + 3 * kRowBytes)[3], 3);
    check("mean", std::abs(download(block + kRowBytes)[0] - 1.5F) < 0.6F);
    expect("no mix", execute_async(id, in, out, nullptr), 500002);
    const Dataset few({{block, kRowBytes}});
    expect("too few buffers", execute(id, few, out), 500002);
    const Dataset small({{block, kRowBytes - 128}, {cache, kRows * kRowBytes}});
    expect("too small a buffer", execute(id, small, out), 500002);
    const Dataset odd({{block + 32, kRowBytes}, {cache, kRows * kRowBytes}});
    expect("unaligned", execute(id, odd, out), 107008);
    expect("null dataset", call("aclmdlExecute", id, static_cast<const aclmdlDataset*>(nullptr), out.out()), 100000);
    expect("update", call("aclUpdateDataBuffer", in.buffer(0), static_cast<void*>(cache), kRowBytes), 0);
    expect("execute anew", execute(id, in, out), 0);
    expect("new address", download(cache + 2 * kRowBytes)[3], 0.03F);
  }
  unload(id);
  device_free(block);
  finish();
}

void async_execute() {
  start();
  const std::uint32_t id = load_model();
  aclrtStream stream = nullptr;
  expect("stream", call("aclrtCreateStream", &stream), 0);
  aclrtEvent event = nullptr;
  expect("event", call("aclrtCreateEvent", &event), 0);
  char* slots = device_malloc(8 * kRowBytes);
  char* cache = device_malloc(kRows * kRowBytes);
  expect("zero", call("aclrtMemset", static_cast<void*>(cache), kRows * kRowBytes, 0, kRows * kRowBytes), 0);
  void* host = nullptr;
  expect("host", call("aclrtMallocHost", &host, kRowBytes), 0);
  auto* pinned = static_cast<float*>(host);
  std::fill_n(pinned, kState, 1.0F);
  expect("queued upload",
         call("aclrtMemcpyAsync", static_cast<void*>(slots), kRowBytes, static_cast<const void*>(pinned), kRowBytes, 1,
              stream),
         0);
  // The copy has not run yet: what the host writes now is what the device gets.
  std::fill_n(pinned, kState, 5.0F);
  {
    const Dataset first_in({{slots, kRowBytes}, {cache, kRows * kRowBytes}});
    const Dataset first_out({{slots + kRowBytes, kRowBytes}, {slots + 4 * kRowBytes, kRowBytes}});
    const Dataset second_in({{slots + kRowBytes, kRowBytes}, {cache, kRows * kRowBytes}});
    const Dataset second_out({{slots + 2 * kRowBytes, kRowBytes}, {slots + 4 * kRowBytes, kRowBytes}});
    expect("first", execute_async(id, first_in, first_out, stream), 0);
    expect("second", execute_async(id, second_in, second_out, stream), 0);
    expect("no mix", execute(id, first_in, first_out), 500002);
    expect("record", call("aclrtRecordEvent", event, stream), 0);
  }
  std::int32_t status = 7;
  expect("query", call("aclrtQueryEventStatus", event, &status), 0);
  expect("not ready", status, 0);
  check("nothing before a synchronise", std::isnan(download(slots + 2 * kRowBytes)[3]));
  expect("synchronise", call("aclrtSynchronizeEvent", event), 0);
  expect("two steps", download(slots + 2 * kRowBytes)[3], 5 + 0.03F + 0.03F);
  expect("query", call("aclrtQueryEventStatus", event, &status), 0);
  expect("ready", status, 1);
  expect("synchronise stream", call("aclrtSynchronizeStreamWithTimeout", stream, 1000), 0);
  expect(
      "host to host",
      call("aclrtMemcpyAsync", host, std::size_t{4}, static_cast<const void*>(pinned + 4), std::size_t{4}, 0, stream),
      207000);
  expect("bad timeout", call("aclrtSynchronizeStreamWithTimeout", stream, -2), 107000);
  unload(id);
  expect("free host", call("aclrtFreeHost", host), 0);
  device_free(slots);
  device_free(cache);
  expect("destroy event", call("aclrtDestroyEvent", event), 0);
  expect("destroy stream", call("aclrtDestroyStream", stream), 0);
  expect("stale stream", call("aclrtSynchronizeStream", stream), 107017);
  finish();
}

void load_from_memory() {
  start();
  std::ifstream file(model_path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::size_t work = 0;
  std::size_t weights = 0;
  const auto* model = static_cast<const void*>(bytes.data());
  expect("query size", call("aclmdlQuerySizeFromMem", model, bytes.size(), &work, &weights), 0);
  check("work", work > 0);
  expect("weights", weights, kRowBytes);
  char* work_memory = device_malloc(work);
  char* weight_memory = device_malloc(weights);
  std::uint32_t id = 0;
  const auto load = [&](std::size_t weight_size) {
    return call("aclmdlLoadFromMemWithMem", model, bytes.size(), &id, static_cast<void*>(work_memory), work,
                static_cast<void*>(weight_memory), weight_size);
  };
  expect("weights too small", load(weights - 32), 145000);
  expect("load", load(weights), 0);
  char* block = device_malloc(8 * kRowBytes);
  upload(block, row_of(2));
  {
    const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
    const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
    expect("execute", execute(id, in, out), 0);
    expect("row", download(block + 6 * kRowBytes)[1], 2.01F);
    const Dataset bad({{work_memory, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
    expect("in the work memory", execute(id, bad, out), 500002);
  }
  unload(id);
  device_free(block);
  device_free(work_memory);
  device_free(weight_memory);
  expect("truncated", call("aclmdlLoadFromMem", model, bytes.size() - 1, &id), 145000);
  expect("short", call("aclmdlLoadFromMem", model, std::size_t{100}, &id), 145006);
  expect("nothing", call("aclmdlLoadFromMem", model, std::size_t{0}, &id), 100000);
  finish();
}

/** Prints the code of loading the model. */
void print_load_code() {
  start();
  std::uint32_t id = 0;
  std::printf("%d\n", call("aclmdlLoadFromFile", model_path.c_str(), &id));
  expect("aclFinalize", call("aclFinalize"), 0);
}

/** Two models that share one copy of their weights in device memory; the second argument names the weight's file. */
void shared_weights(const char* weight_file) {
  start();
  std::ifstream file(weight_file, std::ios::binary);
  const std::vector<char> weights{std::istreambuf_iterator<char>(file), {}};
  char* memory = device_malloc(weights.size());
  expect("upload", copy(memory, weights.data(), weights.size(), 1), 0);
  const std::string name = std::string(weight_file).substr(std::string(weight_file).rfind('/') + 1);
  auto* config = value<aclmdlConfigHandle*>("aclmdlCreateConfigHandle");
  const std::size_t from_file = 1;
  const char* path = model_path.c_str();
  expect("type", call("aclmdlSetConfigOpt", config, 1, static_cast<const void*>(&from_file), sizeof from_file), 0);
  expect("path", call("aclmdlSetConfigOpt", config, 2, static_cast<const void*>(&path), sizeof path), 0);
  const auto give = [&](std::size_t size) {
    return call("aclmdlSetExternalWeightAddress", static_cast<const aclmdlConfigHandle*>(config), name.c_str(),
                static_cast<void*>(memory), size);
  };
  expect("size not of 32", give(weights.size() - 1), 100000);
  expect("weights", give(weights.size()), 0);
  std::array<std::uint32_t, 2> ids{};
  for (std::uint32_t& id : ids) {
    expect("load", call("aclmdlLoadWithConfig", static_cast<const aclmdlConfigHandle*>(config), &id), 0);
  }
  char* block = device_malloc(8 * kRowBytes);
  upload(block, row_of(2));
  for (const std::uint32_t id : ids) {
    const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
    const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
    expect("execute", execute(id, in, out), 0);
    expect("row", download(block + 6 * kRowBytes)[1], 2.01F);
    unload(id);
  }
  expect("destroy config", call("aclmdlDestroyConfigHandle", config), 0);
  device_free(block);
  device_free(memory);
  finish();
}

/** STAND_IN_HANG=aclmdlExecuteAsync:1 */
void hang() {
  start();
  const std::uint32_t id = load_model();
  aclrtStream stream = nullptr;
  expect("stream", call("aclrtCreateStream", &stream), 0);
  char* block = device_malloc(8 * kRowBytes);
  {
    const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
    const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
    expect("queue", execute_async(id, in, out, stream), 0);
    const auto begin = std::chrono::steady_clock::now();
    expect("bounded wait", call("aclrtSynchronizeStreamWithTimeout", stream, 50), 507046);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    check("no shorter than asked", took.count() >= 49);
  }
  // Giving back needs no device that answers.
  unload(id);
  device_free(block);
  expect("reset", call("aclrtResetDeviceForce", 0), 0);
  expect("set", call("aclrtSetDevice", 0), 0);
  block = device_malloc(kRowBytes);
  upload(block, row_of(1));
  device_free(block);
  finish();
}

/** STAND_IN_HANG=aclmdlExecuteV2:1 */
void bounded_execute() {
  start();
  const std::uint32_t id = load_model();
  char* block = device_malloc(8 * kRowBytes);
  auto* config = value<aclmdlExecConfigHandle*>("aclmdlCreateExecConfigHandle");
  const std::int32_t timeout = 50;
  expect("timeout", call("aclmdlSetExecConfigOpt", config, 0, static_cast<const void*>(&timeout), sizeof timeout), 0);
  {
    const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
    const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
    const auto run = [&](const aclmdlExecConfigHandle* handle) {
      return call("aclmdlExecuteV2", id, in.in(), out.out(), static_cast<aclrtStream>(nullptr), handle);
    };
    expect("bounded", run(config), 507046);
    expect("no config", run(nullptr), 100000);
  }
  expect("destroy config", call("aclmdlDestroyExecConfigHandle", static_cast<const aclmdlExecConfigHandle*>(config)),
         0);
  expect("reset", call("aclrtResetDeviceForce", 0), 0);
  expect("aclFinalize", call("aclFinalize"), 0);
}

/** STAND_IN_LOSE_DEVICE=aclrtMemcpy:2 */
void lost_device() {
  start();
  char* block = device_malloc(kRowBytes);
  Row row = row_of(1);
  expect("first copy", copy(block, row.data(), kRowBytes, 1), 0);
  expect("lost", copy(row.data(), block, kRowBytes, 2), 507010);
  expect("still lost", copy(row.data(), block, kRowBytes, 2), 507010);
  expect("free", call("aclrtFree", static_cast<void*>(block)), 507010);
  expect("set again", call("aclrtSetDevice", 0), 507010);
  expect("reset", call("aclrtResetDevice", 0), 0);
  expect("set", call("aclrtSetDevice", 0), 0);
  block = device_malloc(kRowBytes);
  upload(block, row);
  device_free(block);
  finish();
}

/** STAND_IN_FAIL=aclrtSynchronizeStream:1:507015 */
void failed_context() {
  start();
  aclrtStream stream = nullptr;
  expect("stream", call("aclrtCreateStream", &stream), 0);
  expect("device error", call("aclrtSynchronizeStream", stream), 507015);
  void* memory_ = nullptr;
  expect("everything fails now", call("aclrtMalloc", &memory_, std::size_t{64}, 0), 507015);
  expect("releases too", call("aclrtDestroyStream", stream), 507015);
  expect("reset", call("aclrtResetDevice", 0), 0);
  expect("set", call("aclrtSetDevice", 0), 0);
  device_free(device_malloc(64));
  finish();
}

/** STAND_IN_FAIL=aclrtFree:1:507899: the release is done and fails all the same. */
void failed_release() {
  start();
  char* block = device_malloc(64);
  expect("free", call("aclrtFree", static_cast<void*>(block)), 507899);
  finish();
}

void leaks() {
  start();
  value<aclDataBuffer*>("aclCreateDataBuffer", static_cast<void*>(nullptr), std::size_t{0});
  value<aclDataBuffer*>("aclCreateDataBuffer", static_cast<void*>(nullptr), std::size_t{0});
  device_malloc(64);
  aclrtStream stream = nullptr;
  expect("stream", call("aclrtCreateStream", &stream), 0);
  load_model();
  finish();
}

/** Threads with contexts of their own on one device. */
void threads() {
  start();
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 3; ++worker) {
    workers.emplace_back([worker] {
      aclrtContext context = nullptr;
      expect("context", call("aclrtCreateContext", &context, 0), 0);
      const std::uint32_t id = load_model();
      aclrtStream stream = nullptr;
      expect("stream", call("aclrtCreateStream", &stream), 0);
      char* block = device_malloc(8 * kRowBytes);
      for (int step = 0; step < 20; ++step) {
        upload(block, row_of(static_cast<float>(worker)));
        const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
        const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
        expect("queue", execute_async(id, in, out, stream), 0);
        expect("wait", call("aclrtSynchronizeStreamWithTimeout", stream, 10000), 0);
        expect("row", download(block + 6 * kRowBytes)[0], static_cast<float>(worker));
      }
      unload(id);
      device_free(block);
      expect("destroy stream", call("aclrtDestroyStream", stream), 0);
      expect("destroy context", call("aclrtDestroyContext", context), 0);
    });
  }
  for (std::thread& worker : workers) worker.join();
  finish();
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/**
 * STAND_IN_DRY=file STAND_IN_DEVICES=2 STAND_IN_DRY_KERNEL_US=100000: a model of two kernels takes 0.2 s, on each device by itself. On a
 * busy machine all may take longer, and nothing less.
 */
void dry() {
  expect("aclInit", call("aclInit", static_cast<const char*>(nullptr)), 0);
  constexpr int steps = 10;
  constexpr double modelled = steps * 0.2;
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  std::vector<std::thread> hosts;
  for (int device = 0; device < 2; ++device) {
    hosts.emplace_back([device, start] {
      expect("aclrtSetDevice", call("aclrtSetDevice", device), 0);
      const std::uint32_t id = load_model();
      aclrtStream stream = nullptr;
      expect("stream", call("aclrtCreateStream", &stream), 0);
      char* block = device_malloc(8 * kRowBytes);
      const Dataset in({{block, kRowBytes}, {block + 2 * kRowBytes, kRows * kRowBytes}});
      const Dataset out({{block + 6 * kRowBytes, kRowBytes}, {block + 7 * kRowBytes, kRowBytes}});
      for (int step = 0; step < steps; ++step) expect("queue", execute_async(id, in, out, stream), 0);
      expect("too short a wait", call("aclrtSynchronizeStreamWithTimeout", stream, 1), 507046);
      expect("wait", call("aclrtSynchronizeStreamWithTimeout", stream, 60000), 0);
      check("it took the modelled time", seconds_since(start) >= modelled);
      std::int32_t status = 1;
      expect("query", call("aclrtStreamQuery", stream, &status), 0);
      expect("nothing is left", status, 0);
      upload(block, row_of(3));
      expect("what was written is read", download(block)[5], 3);
      unload(id);
      device_free(block);
      expect("destroy stream", call("aclrtDestroyStream", stream), 0);
      expect("aclrtResetDevice", call("aclrtResetDevice", device), 0);
    });
  }
  for (std::thread& host : hosts) host.join();
  check("devices work at the same time", seconds_since(start) < 2 * modelled);
  check("and without the processor", static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC < modelled / 2);
  std::array<char, 128> version{};
  std::array<char, 8> package{"runtime"};
  expect("version", call("aclsysGetVersionStr", package.data(), version.data()), 0);
  check("its version says that it is dry", std::string(version.data()).find("stand-in.dry") != std::string::npos);
  expect("aclFinalize", call("aclFinalize"), 0);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  library = dlopen(arguments[1], RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  if (count > 3) model_path = arguments[3];
  const std::string scenario = arguments[2];
  const std::map<std::string, std::function<void()>> scenarios = {
      {"start-and-end", rules_of_start_and_end},
      {"memory", memory},
      {"dereference", dereference},
      {"sync-execute", sync_execute},
      {"async-execute", async_execute},
      {"load-from-memory", load_from_memory},
      {"load-code", print_load_code},
      {"shared-weights", [&] { shared_weights(arguments[4]); }},
      {"hang", hang},
      {"bounded-execute", bounded_execute},
      {"lost-device", lost_device},
      {"failed-context", failed_context},
      {"failed-release", failed_release},
      {"leaks", leaks},
      {"threads", threads},
      {"dry", dry},
  };
  const auto found = scenarios.find(scenario);
  if (found == scenarios.end()) return 2;
  found->second();
  return failures == 0 ? 0 : 1;
}
