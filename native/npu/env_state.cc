#include "env_state.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace {

// Somebody waits for the process to end, most likely after Ctrl-C: what takes longer is left to the driver.
constexpr std::chrono::seconds kEndingLimit{2};

void end_process_at_once_on_exit() {
#ifdef __GLIBC__
  // The handler registered last runs first, and gets the exit status.
  on_exit([](int status, void*) { _exit(status); }, nullptr);
#endif
}

}  // namespace

CompletionPort::CompletionPort(Napi::Env env) : wake_(Wake::New(env, "whisper-npu", 0, 1, this)) { wake_.Unref(env); }

void CompletionPort::post(std::shared_ptr<PendingCall> call) {
  const std::lock_guard lock(mutex_);
  if (!open_) return;
  done_.push_back(std::move(call));
  wake_.NonBlockingCall();
}

void CompletionPort::close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void CompletionPort::expect(Napi::Env env) {
  if (expected_++ == 0) wake_.Ref(env);
}

void CompletionPort::deliver(Napi::Env env, Napi::Function, CompletionPort* port, int*) {
  if (static_cast<napi_env>(env) == nullptr) return;  // the environment is going away, and the port with it
  std::deque<std::shared_ptr<PendingCall>> done;
  {
    const std::lock_guard lock(port->mutex_);
    done.swap(port->done_);
  }
  for (const std::shared_ptr<PendingCall>& call : done) {
    if (--port->expected_ == 0) port->wake_.Unref(env);
    const Napi::HandleScope scope(env);
    try {
      call->settle(env);
    } catch (const Napi::Error&) {
      // Only a terminating Worker refuses to settle a promise.
    }
  }
}

EnvState::EnvState(Napi::Env env) : port_(std::make_shared<CompletionPort>(env)) {
  // Registered after the port's own hook, so run before it: threads still have a way back while they close.
  napi_add_env_cleanup_hook(
      env,
      [](void* state) {
        static_cast<EnvState*>(state)->close_devices();
        static_cast<EnvState*>(state)->port_->close();
      },
      this);
}

std::shared_ptr<DeviceThread> EnvState::start_thread() {
  std::erase_if(threads_, [](const auto& thread) { return thread.expired(); });
  std::shared_ptr<DeviceThread> thread = DeviceThread::start();
  threads_.push_back(thread->weak_from_this());
  return thread;
}

void EnvState::close_devices() noexcept {
  std::vector<std::shared_ptr<DeviceThread>> threads;
  for (const auto& weak : threads_) {
    if (auto thread = weak.lock()) threads.push_back(std::move(thread));
  }
  threads_.clear();
  for (const auto& thread : threads) thread->request_close();
  const auto deadline = std::chrono::steady_clock::now() + kEndingLimit;
  bool all_closed = true;
  for (const auto& thread : threads) {
    const auto left = std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
    try {
      all_closed = thread->wait_closed(std::chrono::duration_cast<std::chrono::milliseconds>(left)) && all_closed;
    } catch (const std::exception&) {
      // The process or Worker is ending: nobody is left to tell.
    }
  }
  if (!all_closed) end_process_at_once_on_exit();
}

Napi::Value EnvState::error_to_js(Napi::Env env, const Failure& failure) const {
  Napi::Object details = Napi::Object::New(env);
  if (!failure.hint().empty()) details.Set("hint", failure.hint());
  if (failure.call()) {
    details.Set("aclCode", failure.call()->status);
    details.Set("aclFunction", failure.call()->function);
  }
  const Napi::Value code = Napi::String::New(env, failure.code());
  const Napi::Value message = Napi::String::New(env, failure.what());
  if (!error_constructor.IsEmpty()) return error_constructor.New({code, message, details});
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", code);
  return error.Value();
}

Napi::Value EnvState::error_to_js(Napi::Env env, const std::exception_ptr& error) const {
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    return error_to_js(env, failure);
  } catch (const std::exception& exception) {
    return error_to_js(env, Failure("NPU_INTERNAL", exception.what()));
  }
}
