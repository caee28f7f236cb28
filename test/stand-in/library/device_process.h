#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "abi.h"

namespace stand_in {

/** A place in device memory as the device process knows it. */
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

/**
 * The device: a Node process that holds its memory and runs its models. Requests are text frames on a socket, answered
 * one by one; bulk data goes through a file in memory that both processes know. Not thread-safe: callers take turns.
 */
class DeviceProcess {
 public:
  /** @throws std::runtime_error where the process cannot be started */
  explicit DeviceProcess(const std::string& node);
  ~DeviceProcess();
  DeviceProcess(const DeviceProcess&) = delete;
  DeviceProcess& operator=(const DeviceProcess&) = delete;

  bool alive() const { return socket_ >= 0; }
  /** Ends the process in good order. */
  void close();
  /** Ends the process as an accident would. */
  void kill();

  Answer request(const std::string& text);
  Answer write(const DeviceRange& to, const std::byte* from);
  Answer read(const DeviceRange& from, std::byte* to);
  /** Stores bytes as a file of that name in the device's scratch folder. */
  Answer store_file(const std::string& name, std::span<const std::byte> bytes);

 private:
  void spawn(const std::string& node, int device_socket);
  Answer lost();

  std::string scratch_;
  pid_t pid_ = -1;
  int socket_ = -1;
  int staging_ = -1;
  std::byte* staging_bytes_ = nullptr;
};

/** "allocation allocation_size offset size", as requests name a place. */
std::string to_text(const DeviceRange& range);

}  // namespace stand_in
