#include "team.h"

#include <immintrin.h>

#include <chrono>
#include <string>
#include <system_error>

namespace {

/** Between two steps of a decoder less time passes; waking a sleeping thread would cost as much as a step's smaller parts. */
constexpr std::chrono::microseconds spin_time{300};
constexpr int pauses_between_looks = 64;

}  // namespace

Team::Team(size_t size) {
  helpers_.reserve(size);
  try {
    for (size_t member = 1; member < size; ++member) helpers_.emplace_back([this, member] { help(member); });
  } catch (const std::system_error& error) {
    const std::string started = std::to_string(helpers_.size() + 1);
    dismiss();
    throw std::system_error(error.code(), "thread " + started + " of " + std::to_string(size) + " cannot be started");
  } catch (...) {
    dismiss();
    throw;
  }
}

Team::~Team() { dismiss(); }

void Team::dismiss() {
  // Each helper ends with the first item without a call that it takes.
  call_ = nullptr;
  remaining_.store(static_cast<uint32_t>(helpers_.size()));
  remaining_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Team::run(uint32_t count, const void* context, Call call) {
  if (count == 0) return;
  context_ = context;
  call_ = call;
  pending_.store(count, std::memory_order_relaxed);
  remaining_.store(count);  // in one order with the waiters' counter, which notify_all asks
  if (!helpers_.empty() && count > 1) remaining_.notify_all();
  for (uint32_t index; take(index);) {
    call(context, index, 0);
    pending_.fetch_sub(1, std::memory_order_release);
  }
  for (int pauses = 0; pending_.load(std::memory_order_acquire) != 0; ++pauses) {
    _mm_pause();
    if (pauses > pauses_between_looks) std::this_thread::yield();  // a helper may be waiting for this core
  }
}

void Team::help(size_t member) {
  for (;;) {
    await_work();
    for (uint32_t index; take(index);) {
      if (call_ == nullptr) return;
      call_(context_, index, member);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }
}

bool Team::take(uint32_t& index) {
  uint32_t remaining = remaining_.load(std::memory_order_acquire);
  while (remaining != 0) {
    if (remaining_.compare_exchange_weak(remaining, remaining - 1, std::memory_order_acquire)) {
      index = remaining - 1;
      return true;
    }
  }
  return false;
}

void Team::await_work() const {
  const auto asleep_at = std::chrono::steady_clock::now() + spin_time;
  for (;;) {
    for (int pauses = 0; pauses < pauses_between_looks; ++pauses) {
      if (remaining_.load(std::memory_order_relaxed) != 0) return;
      _mm_pause();
    }
    if (std::chrono::steady_clock::now() > asleep_at) return remaining_.wait(0, std::memory_order_relaxed);
  }
}
