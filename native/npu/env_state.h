// What one Node environment (the main thread, or a Worker) has of this addon.
#pragma once

#include <napi.h>

#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "device_thread.h"

/** A promise whose work is done elsewhere. */
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  /** Does the work, on any thread; false when it was given up meanwhile. */
  virtual bool perform() noexcept = 0;
  /** Rejects the promise with this instead of waiting for the work, on any thread; false when the work is done. */
  virtual bool give_up(std::exception_ptr error) noexcept = 0;
  /** Settles the promise; on Node's thread. */
  virtual void settle(Napi::Env env) = 0;
};

/** The way back to Node's thread. Once closed, results are dropped: nobody is left to hear of them. */
class CompletionPort {
 public:
  explicit CompletionPort(Napi::Env env);
  void post(std::shared_ptr<PendingCall> call);
  void close();
  // On Node's thread: while calls are pending, Node's event loop stays alive.
  void expect(Napi::Env env);

 private:
  static void deliver(Napi::Env env, Napi::Function, CompletionPort* port, int*);
  using Wake = Napi::TypedThreadSafeFunction<CompletionPort, int, &CompletionPort::deliver>;

  std::mutex mutex_;
  std::deque<std::shared_ptr<PendingCall>> done_;
  bool open_ = true;
  size_t expected_ = 0;  // touched by Node's thread alone
  Wake wake_;
};

class EnvState {
 public:
  explicit EnvState(Napi::Env env);
  static EnvState& of(Napi::Env env) { return *env.GetInstanceData<EnvState>(); }

  const std::shared_ptr<CompletionPort>& port() const { return port_; }
  std::shared_ptr<DeviceThread> start_thread();
  /**
   * Closes every device of this environment, which is ending; waits, but not long. Where a device is still at work then,
   * the process will end without ACL's static destructors, which would find a thread inside ACL.
   */
  void close_devices() noexcept;
  /** The JavaScript error for what was thrown on another thread. */
  Napi::Value error_to_js(Napi::Env env, const std::exception_ptr& error) const;
  Napi::Value error_to_js(Napi::Env env, const Failure& failure) const;

  Napi::FunctionReference error_constructor;
  Napi::FunctionReference device_constructor;
  Napi::FunctionReference buffer_constructor;
  Napi::FunctionReference model_constructor;
  Napi::FunctionReference binding_constructor;

 private:
  std::shared_ptr<CompletionPort> port_;
  std::vector<std::weak_ptr<DeviceThread>> threads_;
};
