// Sees from another thread how long a call of ACL takes: most have no limit of their own, and a device may hang in any.
#pragma once

#include <atomic>
#include <chrono>

/** The call that a thread is in. */
class CallWatch {
 public:
  /** From here on the calling thread's calls of ACL are seen by this watch. */
  void attach() noexcept { attached_ = this; }

  /** The function that has not returned for that long, or nullptr. On any thread. */
  const char* overdue(std::chrono::milliseconds limit) const noexcept {
    const char* function = function_.load();
    return function != nullptr && now_ms() - since_ms_.load() > limit.count() ? function : nullptr;
  }

  /** One call, from its constructor to its destructor. */
  class Call {
   public:
    explicit Call(const char* function) noexcept : watch_(attached_) {
      if (watch_ == nullptr) return;
      watch_->since_ms_.store(now_ms());
      watch_->function_.store(function);
    }
    ~Call() {
      if (watch_ != nullptr) watch_->function_.store(nullptr);
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CallWatch* watch_;
  };

 private:
  static int64_t now_ms() noexcept {
    using std::chrono::milliseconds, std::chrono::steady_clock;
    return std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  }

  static inline thread_local CallWatch* attached_ = nullptr;
  std::atomic<const char*> function_ = nullptr;
  std::atomic<int64_t> since_ms_ = 0;
};
