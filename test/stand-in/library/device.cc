#include "device.h"

namespace stand_in {

Deadline deadline_after(std::int32_t milliseconds) {
  if (milliseconds < 0) return std::nullopt;
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
}

Answer Device::use(const Deadline& deadline, const std::function<Answer(DeviceProcess&)>& job) {
  {
    std::unique_lock lock(hang_mutex_);
    const auto awake = [this] { return !hung_; };
    if (!deadline) {
      hang_ended_.wait(lock, awake);
    } else if (!hang_ended_.wait_until(lock, *deadline, awake)) {
      return {kRtStreamSyncTimeout, "stand-in: the device did not answer in time"};
    }
  }
  const std::lock_guard lock(process_mutex_);
  if (lost_) return {kRtLostHeartbeat, "stand-in: the device is lost"};
  Answer answer = job(process_);
  if (!process_.alive()) lost_ = true;
  return answer;
}

Answer Device::use_unless_hung(const std::function<Answer(DeviceProcess&)>& job) {
  return hung_ ? Answer{} : use(std::nullopt, job);
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
  const std::lock_guard lock(process_mutex_);
  process_.kill();
}

void Device::close() {
  wake_as_lost();
  const std::lock_guard lock(process_mutex_);
  process_.close();
}

}  // namespace stand_in
