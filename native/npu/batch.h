#pragma once

#include <span>
#include <vector>

#include "binding.h"
#include "session.h"

/**
 * One submit on its way: everything is queued on the stream, and waited for once at the end, or earlier where pinned
 * memory runs out or a synchronous model must see what was queued. Whatever goes wrong, nothing of it is still running
 * on the device when the batch is gone, or the device counts as failed.
 */
class Batch {
 public:
  Batch(const Stream& stream, const ExecuteOptions& execute_options, PinnedArena& arena);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void upload(const DeviceSlice& to, std::span<const std::byte> data);
  void fill(const DeviceSlice& to, uint8_t value);
  void copy(const DeviceSlice& from, const DeviceSlice& to);
  void execute(Binding& binding);
  void download(const DeviceSlice& from, std::span<std::byte> to);
  void synchronise();

 private:
  struct PendingDownload {
    const std::byte* pinned;
    std::span<std::byte> to;
  };

  std::span<std::byte> pinned_piece(size_t wanted_bytes);
  void settle();

  const Stream& stream_;
  const ExecuteOptions& execute_options_;
  PinnedArena& arena_;
  std::vector<PendingDownload> downloads_;
  std::vector<Binding*> queued_;
  bool dirty_ = false;
};
