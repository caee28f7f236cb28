#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch.h"
#include "commands.h"
#include "session.h"

struct DeviceOptions {
  int32_t device_id = 0;
  int32_t sync_timeout_ms = 0;
};

struct MemoryInfo {
  size_t free_bytes;
  size_t total_bytes;
};

struct LoadedModel {
  ObjectId id;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

/**
 * A device with all that lives on it. Made, used and destroyed on one thread, which its context belongs to.
 * After a call that found the device lost or hanging, every later one throws at once.
 */
class Device {
 public:
  explicit Device(const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& soc_name() const { return soc_name_; }
  bool failed() const { return failure_.has_value(); }

  /** Runs one job of its caller: refuses when the device has failed, and notices when it fails. */
  template <typename Job>
  auto run(Job job) {
    refuse_if_failed();
    try {
      auto result = job(*this);
      rethrow_release_failure();
      return result;
    } catch (const AclError& error) {
      note_failure(&error);
      throw;
    } catch (...) {
      note_failure(nullptr);
      throw;
    }
  }

  MemoryInfo memory_info() const;
  ObjectId allocate(size_t size_bytes);
  void close_buffer(ObjectId id) { buffers_.erase(id); }

  LoadedModel load_model(const std::string& path, const ModelOptions& options);
  /** Ends a model together with its bindings. */
  void close_model(ObjectId id);
  /** Forgets a model: it stays loaded while a binding needs it. */
  void release_model(ObjectId id) { models_.erase(id); }

  ObjectId create_binding(ObjectId model, const std::vector<SliceRef>& inputs, const std::vector<SliceRef>& outputs);
  void close_binding(ObjectId id) { bindings_.erase(id); }

  Downloads submit(const std::vector<Command>& commands);

  /**
   * Frees everything in ACL's order. Idempotent; throws the first release that failed, unless that only shows again what
   * a job has told: that the device has failed.
   */
  void close();

 private:
  void refuse_if_failed() const;
  void rethrow_release_failure();
  void note_failure(const AclError* error);
  std::shared_ptr<DeviceBuffer> buffer(ObjectId id) const;
  DeviceSlice slice(const SliceRef& ref) const;
  std::vector<DeviceSlice> slices(const std::vector<SliceRef>& refs) const;

  std::optional<AclReference> acl_reference_;
  std::optional<DeviceClaim> claim_;
  std::optional<Context> context_;
  std::optional<Stream> stream_;
  std::optional<ExecuteOptions> execute_options_;
  std::optional<PinnedArena> arena_;
  std::string soc_name_;
  std::map<ObjectId, std::shared_ptr<DeviceBuffer>> buffers_;
  std::map<ObjectId, std::shared_ptr<Model>> models_;
  std::map<ObjectId, Binding> bindings_;
  ObjectId next_id_ = 1;
  std::optional<AclError> failure_;
  bool release_failed_ = false;
  bool job_failed_ = false;
};
