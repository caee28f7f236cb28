#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "abi.h"
#include "om_file.h"

namespace stand_in {

using Moment = std::chrono::steady_clock::time_point;

/** A place in device memory as those who hold it know it. */
struct DeviceRange {
  std::uint64_t allocation = 0;
  std::uint64_t allocation_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/** What the device answered; code 0 is success. */
struct Answer {
  aclError code = kSuccess;
  std::string text;
};

/** A model on its way to the device. */
struct ModelToLoad {
  struct Weight {
    std::string file;
    DeviceRange place;
    /** The bytes of the place that count. */
    std::uint64_t size = 0;
  };
  std::uint32_t id = 0;
  std::shared_ptr<const OmInfo> info;
  /** The OM's file, or its bytes where the path is empty. */
  std::string path;
  std::span<const std::byte> bytes;
  std::string weight_folder;
  /** Weights in device memory. */
  std::vector<Weight> weights;
};

/**
 * What holds a device's memory and does its work: a process that computes (DeviceProcess), or a model of a device that only takes
 * its time (DryDevice). Callers take turns, but for `ask` and `done_at`.
 */
class DeviceWorker {
 public:
  DeviceWorker() = default;
  virtual ~DeviceWorker() = default;
  DeviceWorker(const DeviceWorker&) = delete;
  DeviceWorker& operator=(const DeviceWorker&) = delete;

  virtual bool alive() const = 0;
  /** Ends in good order. */
  virtual void close() = 0;
  /** Ends as an accident would. */
  virtual void kill() = 0;

  virtual Answer write(const DeviceRange& to, const std::byte* from) = 0;
  virtual Answer read(const DeviceRange& from, std::byte* to) = 0;
  virtual Answer copy(const DeviceRange& to, const DeviceRange& from) = 0;
  virtual Answer fill(const DeviceRange& to, std::int32_t value) = 0;
  virtual Answer free(std::uint64_t allocation) = 0;
  virtual Answer load(const ModelToLoad& model) = 0;
  virtual Answer unload(std::uint32_t model) = 0;
  /** @param places of the inputs, then of the outputs, in the model's order */
  virtual Answer run(std::uint32_t model, const std::vector<DeviceRange>& places) = 0;

  /** Somebody calls: when what is asked for reaches the device. */
  virtual Moment ask() { return std::chrono::steady_clock::now(); }
  /** What is done next was asked for then. */
  virtual void begin(Moment /*asked*/) {}
  /** When all that it was given so far will have been done, for somebody who waits for that. */
  virtual Moment done_at() { return Moment::min(); }
};

}  // namespace stand_in
