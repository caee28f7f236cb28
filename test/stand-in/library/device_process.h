#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device_worker.h"

namespace stand_in {

/**
 * The device: a Node process that holds its memory and runs its models. Requests are text frames on a socket, answered
 * one by one; bulk data goes through a file in memory that both processes know.
 */
class DeviceProcess final : public DeviceWorker {
 public:
  /** @throws std::runtime_error where the process cannot be started */
  explicit DeviceProcess(const std::string& node);
  ~DeviceProcess() override;

  bool alive() const override { return socket_ >= 0; }
  void close() override;
  void kill() override;

  Answer write(const DeviceRange& to, const std::byte* from) override;
  Answer read(const DeviceRange& from, std::byte* to) override;
  Answer copy(const DeviceRange& to, const DeviceRange& from) override;
  Answer fill(const DeviceRange& to, std::int32_t value) override;
  Answer free(std::uint64_t allocation) override;
  Answer load(const ModelToLoad& model) override;
  Answer unload(std::uint32_t model) override;
  Answer run(std::uint32_t model, const std::vector<DeviceRange>& places) override;

 private:
  void spawn(const std::string& node, int device_socket);
  Answer lost();
  Answer request(const std::string& text);
  /** Stores bytes as a file of that name in the device's scratch folder. */
  Answer store_file(const std::string& name, std::span<const std::byte> bytes);

  std::string scratch_;
  pid_t pid_ = -1;
  int socket_ = -1;
  int staging_ = -1;
  std::byte* staging_bytes_ = nullptr;
};

}  // namespace stand_in
