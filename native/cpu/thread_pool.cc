#include "thread_pool.h"

#include <chrono>
#include <string>
#include <system_error>

namespace {

/** Between two steps of a decoder less time passes; waking a sleeping thread would cost as much as a step's smaller parts. */
constexpr std::chrono::microseconds spin_time{300};
constexpr int pauses_between_looks = 64;

/** Tells the processor that this thread waits, which leaves more of the core to others. */
void relax_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(size_t size) {
  workers_.reserve(size);
  try {
    for (size_t index = 1; index < size; ++index) workers_.emplace_back([this, index] { worker_loop(index); });
  } catch (const std::system_error& error) {
    const std::string started = std::to_string(workers_.size() + 1);
    join();
    throw std::system_error(error.code(), "thread " + started + " of " + std::to_string(size) + " cannot be started");
  } catch (...) {
    join();
    throw;
  }
}

ThreadPool::~ThreadPool() { join(); }

void ThreadPool::join() {
  // Each worker ends with the first item without a call that it takes.
  call_ = nullptr;
  remaining_.store(static_cast<uint32_t>(workers_.size()));
  remaining_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(uint32_t count, const void* context, Call call) {
  if (count == 0) return;
  context_ = context;
  call_ = call;
  pending_.store(count, std::memory_order_relaxed);
  remaining_.store(count);  // in one order with the waiters' counter, which notify_all asks
  if (!workers_.empty() && count > 1) remaining_.notify_all();
  for (uint32_t index; take(index);) {
    call(context, index, 0);
    pending_.fetch_sub(1, std::memory_order_release);
  }
  for (int pauses = 0; pending_.load(std::memory_order_acquire) != 0; ++pauses) {
    relax_core();
    if (pauses > pauses_between_looks) std::this_thread::yield();  // a worker may be waiting for this core
  }
}

void ThreadPool::worker_loop(size_t thread_index) {
  for (;;) {
    await_work();
    for (uint32_t index; take(index);) {
      if (call_ == nullptr) return;
      call_(context_, index, thread_index);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }
}

bool ThreadPool::take(uint32_t& index) {
  uint32_t remaining = remaining_.load(std::memory_order_acquire);
  while (remaining != 0) {
    if (remaining_.compare_exchange_weak(remaining, remaining - 1, std::memory_order_acquire)) {
      index = remaining - 1;
      return true;
    }
  }
  return false;
}

void ThreadPool::await_work() const {
  const auto spin_deadline = std::chrono::steady_clock::now() + spin_time;
  for (;;) {
    for (int pauses = 0; pauses < pauses_between_looks; ++pauses) {
      if (remaining_.load(std::memory_order_relaxed) != 0) return;
      relax_core();
    }
    if (std::chrono::steady_clock::now() > spin_deadline) return remaining_.wait(0, std::memory_order_relaxed);
  }
}
