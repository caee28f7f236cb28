#include "call.h"

#include <chrono>
#include <new>
#include <stdexcept>
#include <utility>

#include "settings.h"
#include "trace.h"

namespace stand_in {
namespace {

thread_local std::string message;

aclError guarded(Call& call, const std::function<aclError(Call&)>& body) {
  try {
    return body(call);
  } catch (const std::bad_alloc&) {
    return fail(200000, "stand-in: out of host memory");
  } catch (const std::exception& error) {
    return fail(kRtDriverInternal, std::string("stand-in: ") + error.what());
  }
}

aclError meet(const Fault& fault, Call& call, const std::function<aclError(Call&)>& body) {
  const std::shared_ptr<Context> context = current_context();
  const std::string where = std::string(call.function) + ", call " + std::to_string(fault.call);
  switch (fault.kind) {
    case Fault::Kind::none:
      return guarded(call, body);
    case Fault::Kind::hang:
      if (context) context->device->hang();
      return guarded(call, body);
    case Fault::Kind::lose_device:
      if (context) context->device->lose();
      return fail(fault.code, "stand-in: the device is lost, as asked for: " + where);
    case Fault::Kind::fail:
      break;
  }
  if (call.releases) guarded(call, body);
  if (context && is_device_error(fault.code)) context->failure = fault.code;
  return fail(fault.code, "stand-in: a fault, as asked for: " + where);
}

}  // namespace

aclError fail(aclError code, std::string text) {
  message = std::move(text);
  return code;
}

aclError fail(const Answer& answer) { return answer.code == kSuccess ? kSuccess : fail(answer.code, answer.text); }

std::string take_message() { return std::exchange(message, {}); }

bool is_device_error(aclError code) {
  return code >= 507000 && code <= 507099 && code != kRtStreamSyncTimeout && code != kRtEventSyncTimeout;
}

aclError run_call(Call call, const std::function<aclError(Call&)>& body) {
  const auto start = std::chrono::steady_clock::now();
  const aclError code = meet(Settings::get().next_fault(call.function), call, body);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  trace_call({call.function, call.bytes, call.direction, code, took.count()});
  return code;
}

Ready require_context() {
  std::shared_ptr<Context> context = current_context();
  if (!context) return {nullptr, fail(kRtNoContext, "the thread has no current context")};
  if (context->device->lost()) return {nullptr, fail(kRtLostHeartbeat, "stand-in: the device is lost; reset it")};
  if (const aclError failure = context->failure; failure != kSuccess) {
    return {nullptr,
            fail(failure, "the context has met error " + std::to_string(failure) + " before; reset the device")};
  }
  return {std::move(context), kSuccess};
}

aclError null_argument(const char* name) {
  return fail(kInvalidParam, std::string("argument ") + name + " must not be null");
}

}  // namespace stand_in
