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
 * A second thread watches it: where a call of ACL does not return, all jobs are given up and later ones refused.
 */
class DeviceThread : public std::enable_shared_from_this<DeviceThread> {
 public:
  struct Job {
    /** Must not throw. */
    std::function<void()> run;
    /** Called on another thread, perhaps while `run` is under way, where nobody should wait for it any more. May be empty. */
    std::function<void(const std::exception_ptr&)> give_up;
  };

  /**
   * The thread ends when the last copy of this pointer is gone. weak_from_this() lasts as long as the thread itself.
   */
  static std::shared_ptr<DeviceThread> start();

  /** Queues a job; false when the thread takes no more. */
  bool post(Job job);
  /** Why it takes no more. */
  std::exception_ptr refusal();
  /** Asks the thread to end: queued jobs find the device closed. Returns at once. */
  void request_close() noexcept;
  /** Waits until the device is closed; false when it takes longer or was given up. Rethrows what failed while closing. */
  bool wait_closed(std::chrono::milliseconds limit);
  bool is_closed();
  /** Gives up every job. The thread closes the device if it ever gets that far. */
  void give_up(const Failure& failure);
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
  void watch();

  std::mutex mutex_;
  std::condition_variable work_changed_;  // for the thread: jobs_, closing_
  std::condition_variable fate_changed_;  // for all others: call_limit_, given_up_, closed_
  std::deque<std::shared_ptr<Job>> jobs_;
  std::shared_ptr<Job> current_;
  CallWatch call_watch_;
  std::atomic<bool> closing_ = false;
  std::atomic<int64_t> close_limit_ms_ = 5000;
  /** Longest time that a call of ACL may take: one of them reads a model of gigabytes from its file. */
  std::chrono::milliseconds call_limit_{120000};
  bool accepting_ = true;
  bool closed_ = false;
  std::exception_ptr given_up_;
  std::exception_ptr close_error_;
  std::unique_ptr<Device> device_;  // touched by the thread alone
};
