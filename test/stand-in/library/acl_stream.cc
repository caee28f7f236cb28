// Streams.
#include "call.h"
#include "queue.h"
#include "trace.h"

namespace {

using namespace stand_in;

aclError create_stream(aclrtStream* stream) {
  if (stream == nullptr) return null_argument("stream");
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  auto created = std::make_shared<Stream>();
  created->context = ready.context;
  *stream = World::get().streams.add(created);
  return kSuccess;
}

aclError destroy_stream(aclrtStream handle, bool force) {
  if (handle == nullptr) return null_argument("stream");
  const std::shared_ptr<Stream> stream = World::get().streams.find(handle);
  if (!stream) return fail(kRtInvalidHandle, "stand-in: not a live stream");
  if (const Ready ready = require_context(); !ready.context && !force) return ready.code;
  World::get().streams.take(handle);
  const std::lock_guard lock(stream->mutex);
  if (!stream->tasks.empty() && !force && !stream->context->device->hung()) {
    report_event("violation", "a stream was destroyed with " + std::to_string(stream->tasks.size()) +
                                  " queued tasks that nobody waited for");
  }
  stream->tasks.clear();
  return kSuccess;
}

aclError synchronize_stream(aclrtStream handle, const Deadline& deadline) {
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  const StreamResult found = find_stream(ready.context, handle);
  return found.stream ? fail(drain(found.stream, deadline)) : found.code;
}

}  // namespace

STAND_IN_API aclError aclrtCreateStream(aclrtStream* stream) {
  return run_call({.function = "aclrtCreateStream"}, [&](Call&) { return create_stream(stream); });
}

STAND_IN_API aclError aclrtCreateStreamWithConfig(aclrtStream* stream, std::uint32_t, std::uint32_t flag) {
  return run_call({.function = "aclrtCreateStreamWithConfig"}, [&](Call&) {
    return (flag & ~0x3FU) != 0 ? fail(kRtParam, "unknown stream flags") : create_stream(stream);
  });
}

STAND_IN_API aclError aclrtDestroyStream(aclrtStream stream) {
  return run_call({.function = "aclrtDestroyStream", .releases = true},
                  [&](Call&) { return destroy_stream(stream, false); });
}

STAND_IN_API aclError aclrtDestroyStreamForce(aclrtStream stream) {
  return run_call({.function = "aclrtDestroyStreamForce", .releases = true},
                  [&](Call&) { return destroy_stream(stream, true); });
}

STAND_IN_API aclError aclrtSynchronizeStream(aclrtStream stream) {
  return run_call({.function = "aclrtSynchronizeStream"},
                  [&](Call&) { return synchronize_stream(stream, std::nullopt); });
}

STAND_IN_API aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, std::int32_t timeout) {
  return run_call({.function = "aclrtSynchronizeStreamWithTimeout"}, [&](Call&) {
    if (timeout < -1) return fail(kRtParam, "the timeout must not be less than -1");
    return synchronize_stream(stream, deadline_after(timeout));
  });
}

STAND_IN_API aclError aclrtStreamQuery(aclrtStream handle, std::int32_t* status) {
  return run_call({.function = "aclrtStreamQuery"}, [&](Call&) {
    if (status == nullptr) return null_argument("status");
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    const StreamResult found = find_stream(ready.context, handle);
    if (!found.stream) return found.code;
    constexpr std::int32_t complete = 0;
    constexpr std::int32_t not_ready = 1;
    *status = poll(found.stream) ? complete : not_ready;
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtCtxGetCurrentDefaultStream(aclrtStream* stream) {
  return run_call({.function = "aclrtCtxGetCurrentDefaultStream"}, [&](Call&) {
    return fail(kRtNotSupported, stream == nullptr ? "null" : "stand-in: pass NULL instead");
  });
}
