#pragma once

#include <memory>

#include "world.h"

namespace stand_in {

/**
 * The device does nothing of what is queued until somebody waits for it: so that a host which reads too early sees it,
 * and host memory is read as late as it may be. Whoever waits runs the queue, in order, on its own thread.
 *
 * @return 507046 at the deadline; otherwise the first task's error, which ends the queue and, if it is the device's,
 * the context
 */
Answer drain(const std::shared_ptr<Stream>& stream, const Deadline& deadline);

/** Runs the queue until the event has been reached as often as it was recorded so far. */
Answer drain_to(const std::shared_ptr<Event>& event, const Deadline& deadline);

/** One task of the queue, as a poll sees the device get on; true where nothing was left to do. */
bool poll(const std::shared_ptr<Stream>& stream);

/** The stream of the handle, or the context's default stream for NULL. */
struct StreamResult {
  std::shared_ptr<Stream> stream;
  aclError code = kSuccess;
};
StreamResult find_stream(const std::shared_ptr<Context>& context, const void* handle);

void enqueue(const std::shared_ptr<Stream>& stream, Task task);

}  // namespace stand_in
