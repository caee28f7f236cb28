#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "acl_api.h"
#include "device.h"

/**
 * The thread that owns a device. Jobs run on it one after another; it ends after closing the device.
 * It is detached and keeps its own state alive, so that a device that hangs for good costs a thread, not the process.
 */
class DeviceThread : public std::enable_shared_from_this<DeviceThread> {
 public:
  /** Must not throw. */
  using Job = std::function<void()>;

  /**
   * The thread ends when the last copy of this pointer is gone. weak_from_this() lasts as long as the thread itself.
   */
  static std::shared_ptr<DeviceThread> start();

  /** Queues a job; false when the thread has ended. */
  bool post(Job job);
  /** Asks the thread to end: queued jobs find the device closed. Returns at once. */
  void request_close() noexcept;
  /** Waits until the device is closed; false when it takes longer. Rethrows what went wrong while closing. */
  bool wait_closed(std::chrono::milliseconds limit);
  /** Longest time that an orderly close can take. */
  std::chrono::milliseconds close_limit() const { return std::chrono::milliseconds(close_limit_ms_.load()); }

  // For jobs, on the thread itself:

  /** Opens the device; returns its chip's name. */
  std::string open(const LibraryChoice& libraries, const DeviceOptions& options);
  /** Runs `work(Device&)`. */
  template <typename Work>
  auto use(Work work) {
    if (closing_ || !device_) throw closed_failure("the device");
    return device_->run(std::move(work));
  }
  /** As use, for giving something back: nothing to do when the device is closed, or has failed and will be reset. */
  template <typename Work>
  void release(Work work) {
    if (closing_ || !device_ || device_->failed()) return;
    device_->run([&](Device& device) { return work(device), true; });
  }

  DeviceThread() = default;
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::atomic<bool> closing_ = false;
  std::atomic<int64_t> close_limit_ms_ = 5000;
  bool accepting_ = true;
  bool closed_ = false;
  std::exception_ptr close_error_;
  std::unique_ptr<Device> device_;  // touched by the thread alone
};
