#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "abi.h"
#include "device_worker.h"

namespace stand_in {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

/** A wait of so many milliseconds from now; -1 waits for ever. */
Deadline deadline_after(std::int32_t milliseconds);

/** One device: what does its work, its health, and the turn-taking of those who use it. */
class Device {
 public:
  Device(std::int32_t id, std::unique_ptr<DeviceWorker> worker) : id_(id), worker_(std::move(worker)) {}

  std::int32_t id() const { return id_; }

  /** Somebody calls: when what is asked for reaches the device. */
  Moment ask() { return worker_->ask(); }

  /**
   * Waits while the device hangs, then lets the job talk to the device, one job at a time.
   * @param asked when the job reached the device
   * @return what the job answered, or 507046 where the device still hangs at the deadline
   */
  Answer use(const Deadline& deadline, Moment asked, const std::function<Answer(DeviceWorker&)>& job);

  /** For giving things back, which does not wait for what the device computes. */
  Answer use_unless_hung(const std::function<Answer(DeviceWorker&)>& job);

  /** When all that the device was given so far will have been done. */
  Moment done_at() { return worker_->done_at(); }
  /** Waits for that; a device that computes has done what it was given. @return 507046 where that is after the deadline */
  Answer wait(const Deadline& deadline);

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
  std::mutex worker_mutex_;
  const std::unique_ptr<DeviceWorker> worker_;
};

}  // namespace stand_in
