#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "device_worker.h"
#include "dry_costs.h"
#include "dry_memory.h"
#include "dry_replay.h"

namespace stand_in {

/**
 * A model of a device: it computes nothing, keeps a clock of what it was given would take, and replays recorded tokens. Everything is
 * done when the host waits, which then waits until the clock says that it is over.
 */
class DryDevice final : public DeviceWorker {
 public:
  /** @throws std::runtime_error where the file of tokens cannot be read */
  DryDevice(const DryCosts& costs, const std::string& tokens);

  bool alive() const override { return alive_; }
  void close() override { kill(); }
  void kill() override;

  Answer write(const DeviceRange& to, const std::byte* from) override;
  Answer read(const DeviceRange& from, std::byte* to) override;
  Answer copy(const DeviceRange& to, const DeviceRange& from) override;
  Answer fill(const DeviceRange& to, std::int32_t value) override;
  Answer free(std::uint64_t allocation) override;
  Answer load(const ModelToLoad& model) override;
  Answer unload(std::uint32_t model) override;
  Answer run(std::uint32_t model, const std::vector<DeviceRange>& places) override;

  Moment ask() override;
  void begin(Moment asked) override { asked_ = asked; }
  Moment done_at() override;

 private:
  struct LoadedModel {
    std::shared_ptr<const OmInfo> info;
    double seconds = 0;
  };

  /** Something is done that takes so long, once it has been asked for and all before it is done. */
  void take(double seconds);

  const DryCosts costs_;
  DryMemory memory_;
  DryReplay replay_;
  std::map<std::uint32_t, LoadedModel> models_;
  bool alive_ = true;
  Moment asked_;
  std::mutex clock_mutex_;
  /** Until when the device is busy, and until when the calls have kept the host busy. */
  Moment device_busy_;
  Moment host_busy_;
};

}  // namespace stand_in
