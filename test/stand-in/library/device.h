#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "abi.h"
#include "device_process.h"

namespace stand_in {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/** A wait of so many milliseconds from now; -1 waits for ever. */
Deadline deadline_after(std::int32_t milliseconds);

/** One device: its process, its health, and the turn-taking of those who use it. */
class Device {
 public:
  /** @throws std::runtime_error where the device process cannot be started */
  Device(std::int32_t id, const std::string& node) : id_(id), process_(node) {}

  std::int32_t id() const { return id_; }

  /**
   * Waits while the device hangs, then lets the job talk to the device, one job at a time.
   * @return what the job answered, or 507046 where the device still hangs at the deadline
   */
  Answer use(const Deadline& deadline, const std::function<Answer(DeviceProcess&)>& job);

  /** For giving things back, which does not wait for what the device computes. */
  Answer use_unless_hung(const std::function<Answer(DeviceProcess&)>& job);

  void hang();
  /** Ends the device as an accident would; those who wait for it learn so. */
  void lose();
  /** Ends the device in good order. */
  void close();
  bool lost() const { return lost_; }
  bool hung() const { return hung_; }
  bool well() const { return !lost_ && !hung_; }

 private:
  void wake_as_lost();

  const std::int32_t id_;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> hung_ = false;
  std::mutex hang_mutex_;
  std::condition_variable hang_ended_;
  std::mutex process_mutex_;
  DeviceProcess process_;
};

}  // namespace stand_in
