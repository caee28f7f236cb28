#include "device_thread.h"

#include <thread>
#include <utility>

std::shared_ptr<DeviceThread> DeviceThread::start() {
  auto state = std::make_shared<DeviceThread>();
  std::thread([state] { state->loop(); }).detach();
  // A second kind of owner: the users. When they are gone the thread, which is an owner too, gets to know.
  DeviceThread* const raw = state.get();
  return {raw, [state = std::move(state)](DeviceThread* thread) { thread->request_close(); }};
}

bool DeviceThread::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (!accepting_) return false;
  jobs_.push_back(std::move(job));
  changed_.notify_all();
  return true;
}

void DeviceThread::request_close() noexcept {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  changed_.notify_all();
}

bool DeviceThread::wait_closed(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [this] { return closed_; })) return false;
  if (close_error_) std::rethrow_exception(close_error_);
  return true;
}

std::string DeviceThread::open(const LibraryChoice& libraries, const DeviceOptions& options) {
  if (closing_) throw closed_failure("the device");
  if (const LibraryReport report = load_acl(libraries); !report.loaded) throw load_failure(report);
  device_ = std::make_unique<Device>(options);
  close_limit_ms_ += options.sync_timeout_ms;
  return device_->soc_name();
}

void DeviceThread::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // before the lock: it may hold the last pointer of a user, who then asks to close
    lock.lock();
  }
  accepting_ = false;
  lock.unlock();
  std::exception_ptr error;
  try {
    if (device_) device_->close();
  } catch (const Failure&) {
    error = std::current_exception();
  }
  device_.reset();
  lock.lock();
  close_error_ = error;
  closed_ = true;
  changed_.notify_all();
}
