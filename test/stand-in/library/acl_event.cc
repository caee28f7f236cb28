// Events.
#include <algorithm>

#include "call.h"
#include "queue.h"

namespace {

using namespace stand_in;

aclError create_event(aclrtEvent* event) {
  if (event == nullptr) return null_argument("event");
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  auto created = std::make_shared<Event>();
  created->context = ready.context;
  *event = World::get().events.add(created);
  return kSuccess;
}

struct EventResult {
  std::shared_ptr<Event> event;
  aclError code = kSuccess;
};

EventResult find_event(aclrtEvent handle) {
  if (handle == nullptr) return {nullptr, null_argument("event")};
  std::shared_ptr<Event> event = World::get().events.find(handle);
  if (!event) return {nullptr, fail(kRtInvalidHandle, "stand-in: not a live event")};
  return {std::move(event), kSuccess};
}

aclError synchronize_event(aclrtEvent handle, const Deadline& deadline) {
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  const EventResult found = find_event(handle);
  if (!found.event) return found.code;
  {
    const std::lock_guard lock(found.event->mutex);
    if (found.event->recorded == 0) return fail(kRtInternal, "the event was never recorded");
  }
  const Answer answer = drain_to(found.event, deadline);
  return answer.code == kRtStreamSyncTimeout ? fail(kRtEventSyncTimeout, answer.text) : fail(answer);
}

/** Waits for the device as any task does, so that nothing gets past a hang. */
Answer idle(const std::shared_ptr<Device>& device, Moment asked, const Deadline& deadline) {
  return device->use(deadline, asked, [](DeviceWorker&) { return Answer{}; });
}

/** When the event was reached, if it was. */
std::optional<std::chrono::steady_clock::time_point> time_of(Event& event) {
  const std::lock_guard lock(event.mutex);
  if (event.recorded == 0 || event.reached < event.recorded) return std::nullopt;
  return event.time;
}

}  // namespace

STAND_IN_API aclError aclrtCreateEvent(aclrtEvent* event) {
  return run_call({.function = "aclrtCreateEvent"}, [&](Call&) { return create_event(event); });
}

STAND_IN_API aclError aclrtCreateEventWithFlag(aclrtEvent* event, std::uint32_t) {
  return run_call({.function = "aclrtCreateEventWithFlag"}, [&](Call&) { return create_event(event); });
}

STAND_IN_API aclError aclrtCreateEventExWithFlag(aclrtEvent* event, std::uint32_t) {
  return run_call({.function = "aclrtCreateEventExWithFlag"}, [&](Call&) { return create_event(event); });
}

STAND_IN_API aclError aclrtDestroyEvent(aclrtEvent event) {
  return run_call({.function = "aclrtDestroyEvent", .releases = true}, [&](Call&) {
    if (event == nullptr) return null_argument("event");
    if (const Ready ready = require_context(); !ready.context) return ready.code;
    return World::get().events.take(event) ? kSuccess : fail(kRtInvalidHandle, "stand-in: not a live event");
  });
}

STAND_IN_API aclError aclrtRecordEvent(aclrtEvent handle, aclrtStream stream) {
  return run_call({.function = "aclrtRecordEvent"}, [&](Call&) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    const EventResult event = find_event(handle);
    if (!event.event) return event.code;
    const StreamResult found = find_stream(ready.context, stream);
    if (!found.stream) return found.code;
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(event.event->mutex);
      event.event->stream = found.stream;
      number = ++event.event->recorded;
    }
    const std::shared_ptr<Device>& device = ready.context->device;
    enqueue(found.stream, {[target = event.event, number, device, asked = device->ask()](const Deadline& deadline) {
              if (Answer answer = idle(device, asked, deadline); answer.code != kSuccess) return answer;
              const std::lock_guard lock(target->mutex);
              target->reached = number;
              target->time = std::max(std::chrono::steady_clock::now(), device->done_at());
              return Answer{};
            }});
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtResetEvent(aclrtEvent handle, aclrtStream stream) {
  return run_call({.function = "aclrtResetEvent"}, [&](Call&) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    const EventResult event = find_event(handle);
    if (!event.event) return event.code;
    if (const StreamResult found = find_stream(ready.context, stream); !found.stream) return found.code;
    const std::lock_guard lock(event.event->mutex);
    if (event.event->reached < event.event->recorded) return fail(kRtParam, "stand-in: the event is still awaited");
    event.event->recorded = event.event->reached = 0;
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent handle) {
  return run_call({.function = "aclrtStreamWaitEvent"}, [&](Call&) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    const EventResult event = find_event(handle);
    if (!event.event) return event.code;
    const StreamResult found = find_stream(ready.context, stream);
    if (!found.stream) return found.code;
    enqueue(found.stream, {[target = event.event](const Deadline& deadline) { return drain_to(target, deadline); }});
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtSynchronizeEvent(aclrtEvent event) {
  return run_call({.function = "aclrtSynchronizeEvent"}, [&](Call&) { return synchronize_event(event, std::nullopt); });
}

STAND_IN_API aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, std::int32_t timeout) {
  return run_call({.function = "aclrtSynchronizeEventWithTimeout"}, [&](Call&) {
    if (timeout < -1) return fail(kRtParam, "the timeout must not be less than -1");
    return synchronize_event(event, deadline_after(timeout));
  });
}

STAND_IN_API aclError aclrtQueryEventStatus(aclrtEvent handle, std::int32_t* status) {
  return run_call({.function = "aclrtQueryEventStatus"}, [&](Call&) {
    if (status == nullptr) return null_argument("status");
    if (const Ready ready = require_context(); !ready.context) return ready.code;
    const EventResult found = find_event(handle);
    if (!found.event) return found.code;
    std::shared_ptr<Stream> pending;
    {
      const std::lock_guard lock(found.event->mutex);
      const bool complete = found.event->recorded > 0 && found.event->reached >= found.event->recorded;
      *status = complete ? 1 : 0;
      if (!complete) pending = found.event->stream.lock();
    }
    if (pending) poll(pending);
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtEventElapsedTime(float* milliseconds, aclrtEvent start, aclrtEvent end) {
  return run_call({.function = "aclrtEventElapsedTime"}, [&](Call&) {
    if (milliseconds == nullptr) return null_argument("ms");
    const EventResult first = find_event(start);
    if (!first.event) return first.code;
    const EventResult last = find_event(end);
    if (!last.event) return last.code;
    const auto started = time_of(*first.event);
    const auto ended = time_of(*last.event);
    if (!started || !ended) return fail(kRtInternal, "an event was not recorded");
    *milliseconds = std::chrono::duration<float, std::milli>(*ended - *started).count();
    return kSuccess;
  });
}
