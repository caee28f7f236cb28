#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "abi.h"
#include "device.h"
#include "om_file.h"
#include "registry.h"

namespace stand_in {

struct Stream;

struct Context {
  std::shared_ptr<Device> device;
  bool is_default = false;
  void* handle = nullptr;
  /** The 5070xx error that the context has met; every later call in it fails with it. */
  std::atomic<aclError> failure = kSuccess;
  std::mutex mutex;
  std::shared_ptr<Stream> default_stream;
};

struct Task {
  std::function<Answer(const Deadline&)> run;
  /** The model that the task executes; 0 for none. */
  std::uint32_t model = 0;
};

struct Stream {
  std::shared_ptr<Context> context;
  std::mutex mutex;
  std::deque<Task> tasks;
  /** The thread that runs the queue, how often over, and who waits for its turn; guarded by the mutex. */
  std::thread::id runner;
  int turns = 0;
  std::condition_variable turn_ended;
};

struct Event {
  std::shared_ptr<Context> context;
  std::mutex mutex;
  std::weak_ptr<Stream> stream;
  std::uint64_t recorded = 0;
  std::uint64_t reached = 0;
  std::chrono::steady_clock::time_point time;
};

struct Allocation {
  std::uint64_t id = 0;
  std::uintptr_t address = 0;
  std::uint64_t size = 0;
  std::uint64_t granted = 0;
  std::shared_ptr<Device> device;
};

struct DataBuffer {
  void* address = nullptr;
  std::uint64_t size = 0;
};

struct Dataset {
  std::vector<aclDataBuffer*> buffers;
};

struct Model {
  enum class Mode { none, sync, async };
  std::uint32_t id = 0;
  std::shared_ptr<Context> context;
  std::shared_ptr<const OmInfo> info;
  Mode mode = Mode::none;
  std::weak_ptr<Stream> stream;
  /** Memory on the device that the model works in, its own or the caller's. */
  std::uintptr_t work = 0;
  std::uintptr_t weights = 0;
  std::uint64_t charged = 0;
};

struct Desc {
  std::shared_ptr<const OmInfo> info;
  std::uint32_t model = 0;
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
};

struct LoadConfig {
  std::map<std::int32_t, std::string> values;
  struct Weight {
    void* address = nullptr;
    std::uint64_t size = 0;
  };
  std::map<std::string, Weight> weights;
};

struct ExecConfig {
  std::int32_t stream_timeout = -1;
  std::int32_t event_timeout = -1;
};

/** Device memory: addresses in reserved pages that the host can neither read nor write. */
class DeviceMemory {
 public:
  /** @return the address, or nothing where the device has no room */
  std::optional<std::uintptr_t> allocate(const std::shared_ptr<Device>& device, std::uint64_t size);
  std::optional<Allocation> take(std::uintptr_t address);
  std::optional<Allocation> find(std::uintptr_t address) const;
  /** The place of [address, address + size) if it lies within one live allocation of the device. */
  std::optional<DeviceRange> locate(const Device& device, std::uintptr_t address, std::uint64_t size) const;
  bool is_device_address(const void* address) const;
  std::uint64_t used(std::int32_t device) const;
  /** Takes room that no address shows (a model's own memory); false where there is none. */
  bool charge(std::int32_t device, std::uint64_t size);
  void discharge(std::int32_t device, std::uint64_t size);
  std::size_t remove_of(const Device& device);

 private:
  mutable std::mutex mutex_;
  std::uintptr_t base_ = 0;
  std::uintptr_t end_ = 0;
  std::uintptr_t next_ = 0;
  std::uint64_t last_id_ = 0;
  std::map<std::uintptr_t, Allocation> live_;
  std::map<std::int32_t, std::uint64_t> used_;
};

/** All that lives between aclInit and aclFinalize. */
struct World {
  static World& get();

  std::mutex mutex;  // guards init_count … models below
  std::uint64_t init_count = 0;
  bool finalized = false;
  std::string config;
  struct Slot {
    std::shared_ptr<Device> device;
    std::shared_ptr<Context> default_context;
    std::uint64_t set_count = 0;
    std::uint64_t contexts = 0;
    /** One of its contexts, perhaps gone already, has met an error that only a reset of the device ends. */
    bool failed = false;
  };
  std::map<std::int32_t, Slot> devices;
  std::map<std::uint32_t, std::shared_ptr<Model>> models;
  std::uint32_t last_model = 0;
  std::map<void*, std::size_t> host_memory;
  /** Leaks of devices and contexts that are gone already. */
  std::map<std::string, std::size_t> leaked;

  DeviceMemory memory;
  Registry<Context> contexts;
  Registry<Stream> streams;
  Registry<Event> events;
  Registry<DataBuffer> buffers;
  Registry<Dataset> datasets;
  Registry<Desc> descs;
  Registry<LoadConfig> load_configs;
  Registry<ExecConfig> exec_configs;

  std::shared_ptr<Model> find_model(std::uint32_t id);
  /** Ends what belongs to the context (streams, events, models), counting it as leaked where the device is well. */
  void end_context(const std::shared_ptr<Context>& context);
  /**
   * Ends the device with all its contexts and memory. What a failed context kept from being released is no leak where the
   * reset is a forced one. The lock is held by the caller.
   */
  void end_device(std::int32_t id, bool force = false);
  /** What is still alive, as '2 data buffers, 1 stream'; empty where nothing is. */
  std::string leaks();
};

/** The calling thread's context, or nullptr. */
std::shared_ptr<Context> current_context();
void set_current_context(void* handle);

}  // namespace stand_in
