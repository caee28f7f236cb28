#include "device_thread.h"

#include <thread>
#include <utility>

using namespace std::chrono_literals;

std::shared_ptr<DeviceThread> DeviceThread::start() {
  auto state = std::make_shared<DeviceThread>();
  // A second kind of owner: the users. When they are gone the threads, which are owners too, get to know.
  DeviceThread* const raw = state.get();
  const std::shared_ptr<DeviceThread> user(raw, [state](DeviceThread* thread) { thread->request_close(); });
  std::thread([state] { state->loop(); }).detach();
  std::thread([state] { state->watch(); }).detach();
  return user;
}

bool DeviceThread::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (!accepting_) return false;
  jobs_.push_back(std::make_shared<Job>(std::move(job)));
  work_changed_.notify_all();
  return true;
}

std::exception_ptr DeviceThread::refusal() {
  const std::lock_guard lock(mutex_);
  return given_up_ ? given_up_ : std::make_exception_ptr(closed_failure("the device"));
}

void DeviceThread::request_close() noexcept {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  work_changed_.notify_all();
}

bool DeviceThread::wait_closed(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  fate_changed_.wait_for(lock, limit, [this] { return closed_ || given_up_; });
  if (!closed_) return false;
  if (close_error_) std::rethrow_exception(close_error_);
  return true;
}

bool DeviceThread::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void DeviceThread::give_up(const Failure& failure) {
  const std::exception_ptr error = std::make_exception_ptr(failure);
  std::deque<std::shared_ptr<Job>> jobs;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || given_up_) return;
    given_up_ = error;
    accepting_ = false;
    closing_ = true;
    jobs.swap(jobs_);
    if (current_) jobs.push_front(current_);
    work_changed_.notify_all();
    fate_changed_.notify_all();
  }
  for (const auto& job : jobs) {
    if (job->give_up) job->give_up(error);
  }
}

std::string DeviceThread::open(const LibraryChoice& libraries, const DeviceOptions& options) {
  if (closing_) throw closed_failure("the device");
  {
    const std::lock_guard lock(mutex_);
    // A wait for the stream has a limit of its own, which comes first.
    call_limit_ = 2 * std::chrono::milliseconds(options.sync_timeout_ms) + 500ms;
    fate_changed_.notify_all();
  }
  if (const LibraryReport report = load_acl(libraries); !report.loaded) throw load_failure(report);
  device_ = std::make_unique<Device>(options);
  close_limit_ms_ += options.sync_timeout_ms;
  return device_->soc_name();
}

void DeviceThread::loop() {
  call_watch_.attach();
  std::unique_lock lock(mutex_);
  while (true) {
    work_changed_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) break;
    std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    current_ = job;
    lock.unlock();
    job->run();
    lock.lock();
    current_ = nullptr;
    lock.unlock();
    job = nullptr;  // without the lock: it may hold the last pointer of a user, who then asks to close
    lock.lock();
  }
  accepting_ = false;
  lock.unlock();
  std::exception_ptr error;
  try {
    if (device_) device_->close();
  } catch (...) {
    error = std::current_exception();
  }
  device_.reset();
  lock.lock();
  close_error_ = error;
  closed_ = true;
  fate_changed_.notify_all();
}

void DeviceThread::watch() {
  std::unique_lock lock(mutex_);
  while (!closed_ && !given_up_) {
    fate_changed_.wait_for(lock, call_limit_ / 4);
    const auto limit = call_limit_;
    const char* const function = call_watch_.overdue(limit);
    if (function == nullptr) continue;
    lock.unlock();
    give_up(Failure("NPU_TIMEOUT",
                    std::string(function) + " has not returned for " + std::to_string((limit.count() + 500) / 1000) + " s",
                    "Look at the device with `npu-smi info`; it may be busy or need a reset."));
    lock.lock();
  }
}
