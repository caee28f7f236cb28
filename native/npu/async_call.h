// The only promise plumbing: plain values go to another thread, work there, and come back as JavaScript values.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

#include "env_state.h"

/** `work()` touches no JavaScript and returns a plain value; `to_js(env, value)` makes the promise's result of it. */
template <typename Work, typename ToJs>
class AsyncCall final : public PendingCall {
 public:
  AsyncCall(Napi::Env env, Work work, ToJs to_js) : deferred_(env), work_(std::move(work)), to_js_(std::move(to_js)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  bool perform() noexcept override {
    std::optional<Result> result;
    std::exception_ptr error;
    try {
      result.emplace(work_());
    } catch (...) {
      error = std::current_exception();
    }
    if (decided_.exchange(true)) return false;
    result_ = std::move(result);
    error_ = error;
    return true;
  }

  bool give_up(std::exception_ptr error) noexcept override {
    if (decided_.exchange(true)) return false;
    error_ = std::move(error);
    return true;
  }

  void settle(Napi::Env env) override {
    if (error_) return deferred_.Reject(EnvState::of(env).error_to_js(env, error_));
    try {
      deferred_.Resolve(to_js_(env, std::move(*result_)));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

 private:
  using Result = std::invoke_result_t<Work>;

  Napi::Promise::Deferred deferred_;
  Work work_;
  ToJs to_js_;
  // Whoever decides first, the work or who gives it up, writes the two below.
  std::atomic<bool> decided_ = false;
  std::optional<Result> result_;
  std::exception_ptr error_;
};

/** A promise for `work`, run in turn on a device's thread; none when that thread takes no more. */
template <typename Work, typename ToJs>
std::optional<Napi::Promise> try_run_on(Napi::Env env, DeviceThread& thread, Work work, ToJs to_js) {
  const auto call = std::make_shared<AsyncCall<Work, ToJs>>(env, std::move(work), std::move(to_js));
  const auto& port = EnvState::of(env).port();
  const bool queued = thread.post({.run =
                                       [call, port] {
                                         if (call->perform()) port->post(call);
                                       },
                                   .give_up =
                                       [call, port](const std::exception_ptr& error) {
                                         if (call->give_up(error)) port->post(call);
                                       }});
  if (!queued) return std::nullopt;
  port->expect(env);
  return call->promise();
}

/** As try_run_on, but throws NPU_CLOSED, or why the device was given up. */
template <typename Work, typename ToJs>
Napi::Value run_on(Napi::Env env, DeviceThread& thread, Work work, ToJs to_js) {
  const auto promise = try_run_on(env, thread, std::move(work), std::move(to_js));
  if (!promise) std::rethrow_exception(thread.refusal());
  return *promise;
}

/** A promise for `work`, run on a thread of its own: for waiting on what may hang. */
template <typename Work, typename ToJs>
Napi::Value run_apart(Napi::Env env, Work work, ToJs to_js) {
  const auto call = std::make_shared<AsyncCall<Work, ToJs>>(env, std::move(work), std::move(to_js));
  const auto& port = EnvState::of(env).port();
  std::thread([call, port] {
    if (call->perform()) port->post(call);
  }).detach();
  port->expect(env);
  return call->promise();
}

/** Result of work that has none. */
struct Done {};
inline Napi::Value undefined(Napi::Env env, Done) { return env.Undefined(); }

/** Runs a method that starts asynchronous work: what it throws rejects the promise. */
template <typename Method>
Napi::Value promise_of(Napi::Env env, Method method) {
  try {
    return method();
  } catch (const Napi::Error&) {
    throw;  // JavaScript's own, from a getter of an argument
  } catch (const std::exception&) {
    const Napi::Promise::Deferred refused(env);
    refused.Reject(EnvState::of(env).error_to_js(env, std::current_exception()));
    return refused.Promise();
  }
}
