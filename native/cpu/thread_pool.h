// Threads that share the work of one caller.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

class ThreadPool {
 public:
  /**
   * @param size threads at work, the caller among them; at least 1
   * @throws std::system_error when one of them cannot be started
   */
  explicit ThreadPool(size_t size);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t size() const { return workers_.size() + 1; }

  /**
   * Calls `work(index, thread_index)` for every index below `count`, on whichever thread is free, and returns when all are done.
   * `thread_index` says which thread that is, for memory of its own. Nothing may be thrown. From one thread at a time.
   */
  template <typename Work>
  void parallel_for(size_t count, const Work& work) {
    run(static_cast<uint32_t>(count), &work, [](const void* context, size_t index, size_t thread_index) noexcept {
      (*static_cast<const Work*>(context))(index, thread_index);
    });
  }

 private:
  using Call = void (*)(const void* context, size_t index, size_t thread_index) noexcept;

  void join();
  void run(uint32_t count, const void* context, Call call);
  void worker_loop(size_t thread_index);
  bool take(uint32_t& index);
  void await_work() const;

  // On lines of their own: who waits reads them all the time.
  /** Items that nobody has taken yet. Whoever takes one down by one owns the item of that number. */
  alignas(64) std::atomic<uint32_t> remaining_ = 0;
  /** Items that are not done yet. */
  alignas(64) std::atomic<uint32_t> pending_ = 0;
  // Written only while nothing remains, read by owners of an item.
  alignas(64) const void* context_ = nullptr;
  Call call_ = nullptr;
  std::vector<std::thread> workers_;
};
