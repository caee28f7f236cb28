#include "device.h"

namespace stand_in {

Deadline deadline_after(std::int32_t milliseconds) {
  if (milliseconds < 0) return std::nullopt;
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
}

Answer Device::use(const Deadline& deadline, Moment asked, const std::function<Answer(DeviceWorker&)>& job) {
  {
    std::unique_lock lock(hang_mutex_);
    const auto awake = [this] { return !hung_; };
    if (!deadline) {
      hang_ended_.wait(lock, awake);
    } else if (!hang_ended_.wait_until(lock, *deadline, awake)) {
      return {kRtStreamSyncTimeout, "stand-in: the device did not answer in time"};
    }
  }
  const std::lock_guard lock(worker_mutex_);
  if (lost_) return {kRtLostHeartbeat, "stand-in: the device is lost"};
  worker_->begin(asked);
  Answer answer = job(*worker_);
  if (!worker_->alive()) lost_ = true;
  return answer;
}

Answer Device::use_unless_hung(const std::function<Answer(DeviceWorker&)>& job) {
  return hung_ ? Answer{} : use(std::nullopt, ask(), job);
}

Answer Device::wait(const Deadline& deadline) {
  const Moment done = done_at();
  if (done <= std::chrono::steady_clock::now()) return {};
  const bool late = deadline && *deadline < done;
  std::unique_lock lock(hang_mutex_);
  if (hang_ended_.wait_until(lock, late ? *deadline : done, [this] { return lost_.load(); })) {
    return {kRtLostHeartbeat, "stand-in: the device is lost"};
  }
  return late ? Answer{kRtStreamSyncTimeout, "stand-in: the device did not answer in time"} : Answer{};
}

void Device::hang() {
  const std::lock_guard lock(hang_mutex_);
  hung_ = true;
}

void Device::wake_as_lost() {
  lost_ = true;
  const std::lock_guard lock(hang_mutex_);
  hung_ = false;
  hang_ended_.notify_all();
}

void Device::lose() {
  wake_as_lost();
  const std::lock_guard lock(worker_mutex_);
  worker_->kill();
}

void Device::close() {
  wake_as_lost();
  const std::lock_guard lock(worker_mutex_);
  worker_->close();
}

}  // namespace stand_in
