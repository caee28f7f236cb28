#include "queue.h"

#include "call.h"

namespace stand_in {
namespace {

/**
 * The right to run a stream's queue, taken until the deadline; a thread that has it may take it again. (Not a
 * recursive_timed_mutex: ThreadSanitizer of GCC 12 does not see those being locked.)
 */
class Turn {
 public:
  Turn(Stream& stream, const Deadline& deadline) : stream_(stream) {
    std::unique_lock lock(stream.mutex);
    const auto free = [&] { return stream.turns == 0 || stream.runner == std::this_thread::get_id(); };
    if (deadline) {
      taken_ = stream.turn_ended.wait_until(lock, *deadline, free);
    } else {
      stream.turn_ended.wait(lock, free);
      taken_ = true;
    }
    if (!taken_) return;
    stream.runner = std::this_thread::get_id();
    ++stream.turns;
  }
  ~Turn() {
    if (!taken_) return;
    const std::lock_guard lock(stream_.mutex);
    --stream_.turns;
    stream_.turn_ended.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  Stream& stream_;
  bool taken_ = false;
};

std::optional<Task> front(Stream& stream) {
  const std::lock_guard lock(stream.mutex);
  if (stream.tasks.empty()) return std::nullopt;
  return stream.tasks.front();
}

/** Runs the stream's first task. The turn is taken. */
Answer step(Stream& stream, const Task& task, const Deadline& deadline) {
  Answer answer = task.run(deadline);
  if (answer.code == kRtStreamSyncTimeout) return answer;
  const std::lock_guard lock(stream.mutex);
  if (answer.code == kSuccess) {
    if (!stream.tasks.empty()) stream.tasks.pop_front();
    return answer;
  }
  stream.tasks.clear();
  if (is_device_error(answer.code)) stream.context->failure = answer.code;
  return answer;
}

Answer drain_until(Stream& stream, const Deadline& deadline, const std::function<bool()>& reached) {
  const Turn turn(stream, deadline);
  if (!turn) return {kRtStreamSyncTimeout, "stand-in: another thread waits for the stream"};
  while (!reached()) {
    const std::optional<Task> task = front(stream);
    if (!task) break;
    if (Answer answer = step(stream, *task, deadline); answer.code != kSuccess) return answer;
  }
  return stream.context->device->wait(deadline);
}

}  // namespace

Answer drain(const std::shared_ptr<Stream>& stream, const Deadline& deadline) {
  return drain_until(*stream, deadline, [] { return false; });
}

Answer drain_to(const std::shared_ptr<Event>& event, const Deadline& deadline) {
  std::shared_ptr<Stream> stream;
  std::uint64_t wanted = 0;
  {
    const std::lock_guard lock(event->mutex);
    stream = event->stream.lock();
    wanted = event->recorded;
  }
  if (!stream) return {};
  return drain_until(*stream, deadline, [&] {
    const std::lock_guard lock(event->mutex);
    return event->reached >= wanted;
  });
}

bool poll(const std::shared_ptr<Stream>& stream) {
  const Moment now = std::chrono::steady_clock::now();
  const Turn turn(*stream, now);
  if (!turn) return false;
  const std::optional<Task> task = front(*stream);
  if (!task) return stream->context->device->done_at() <= now;
  step(*stream, *task, now);
  return false;
}

StreamResult find_stream(const std::shared_ptr<Context>& context, const void* handle) {
  World& world = World::get();
  if (handle == nullptr) {
    const std::lock_guard lock(context->mutex);
    if (!context->default_stream) {
      context->default_stream = std::make_shared<Stream>();
      context->default_stream->context = context;
    }
    return {context->default_stream, kSuccess};
  }
  std::shared_ptr<Stream> stream = world.streams.find(handle);
  if (!stream) return {nullptr, fail(kRtInvalidHandle, "stand-in: not a live stream")};
  if (stream->context != context) return {nullptr, fail(kRtStreamContext, "the stream is not of the current context")};
  return {std::move(stream), kSuccess};
}

void enqueue(const std::shared_ptr<Stream>& stream, Task task) {
  const std::lock_guard lock(stream->mutex);
  stream->tasks.push_back(std::move(task));
}

}  // namespace stand_in
