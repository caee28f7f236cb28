#pragma once

#include <optional>
#include <string>

#include "acl_api.h"
#include "failure.h"

/** What can be learnt of ACL without opening a device. */
struct Probe {
  LibraryReport libraries;
  std::optional<std::string> api_version;
  std::optional<std::string> cann_version;
  std::optional<std::string> driver_version;
  std::optional<std::string> soc_name;
  std::optional<uint32_t> device_count;
  /** Why it stopped short. */
  std::optional<Failure> failure;
};

Probe probe_acl(const LibraryChoice& choice);
