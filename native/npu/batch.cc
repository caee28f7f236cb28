#include "batch.h"

#include <algorithm>
#include <cstring>

namespace {

void queue_copy(std::byte* to, const std::byte* from, size_t size_bytes, aclrtMemcpyKind kind, const Stream& stream) {
  acl_check(acl().aclrtMemcpyAsync, to, size_bytes, from, size_bytes, kind, stream.get());
}

}  // namespace

Batch::Batch(const Stream& stream, const ExecuteOptions& execute_options, PinnedArena& arena)
    : stream_(stream), execute_options_(execute_options), arena_(arena) {}

Batch::~Batch() {
  if (dirty_) {
    // The first error is on its way to the caller; this one matters only if it says that the device is gone.
    const auto& wait = acl().aclrtSynchronizeStreamWithTimeout;
    note_release(wait.name, wait(stream_.get(), stream_.timeout_ms()));
  }
  settle();
}

/** Pinned memory for the next part of a copy: all of it where it fits, else as much as there is. */
std::span<std::byte> Batch::pinned_piece(size_t wanted_bytes) {
  if (wanted_bytes > arena_.free_bytes() && !arena_.empty()) synchronise();
  const size_t size_bytes = std::min(wanted_bytes, arena_.free_bytes());
  return {arena_.take(size_bytes), size_bytes};
}

void Batch::upload(const DeviceSlice& to, std::span<const std::byte> data) {
  for (size_t done = 0; done < data.size();) {
    const std::span<std::byte> piece = pinned_piece(data.size() - done);
    std::memcpy(piece.data(), data.data() + done, piece.size());
    dirty_ = true;
    queue_copy(to.data() + done, piece.data(), piece.size(), ACL_MEMCPY_HOST_TO_DEVICE, stream_);
    done += piece.size();
  }
}

void Batch::download(const DeviceSlice& from, std::span<std::byte> to) {
  for (size_t done = 0; done < to.size();) {
    const std::span<std::byte> piece = pinned_piece(to.size() - done);
    dirty_ = true;
    queue_copy(piece.data(), from.data() + done, piece.size(), ACL_MEMCPY_DEVICE_TO_HOST, stream_);
    downloads_.push_back({piece.data(), to.subspan(done, piece.size())});
    done += piece.size();
  }
}

void Batch::fill(const DeviceSlice& to, uint8_t value) {
  dirty_ = true;
  acl_check(acl().aclrtMemsetAsync, to.data(), to.size_bytes, value, to.size_bytes, stream_.get());
}

void Batch::copy(const DeviceSlice& from, const DeviceSlice& to) {
  dirty_ = true;
  queue_copy(to.data(), from.data(), to.size_bytes, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_);
}

void Batch::execute(Binding& binding) {
  if (binding.model()->mode() == RunMode::sync) {
    // A synchronous execute runs on a stream of its own, which does not wait for ours.
    synchronise();
    binding.execute_sync(execute_options_.get());
    return;
  }
  dirty_ = true;
  queued_.push_back(&binding);
  binding.execute_async(stream_.get());
}

void Batch::synchronise() {
  if (!dirty_) return;
  dirty_ = false;
  stream_.synchronise();
  for (const PendingDownload& download : downloads_) {
    std::memcpy(download.to.data(), download.pinned, download.to.size());
  }
  settle();
}

void Batch::settle() {
  for (Binding* binding : queued_) binding->set_idle();
  queued_.clear();
  downloads_.clear();
  arena_.clear();
}
