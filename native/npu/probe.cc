#include "probe.h"

#include <array>

#include "session.h"

namespace {

/** From the package's version file; absent where CANN's environment is not set up. */
std::optional<std::string> package_version(std::string package) {
  std::array<char, kAclVersionLength> version{};
  if (acl().aclsysGetVersionStr(package.data(), version.data()) != ACL_SUCCESS) return std::nullopt;
  version.back() = '\0';
  return std::string(version.data());
}

void ask_acl(Probe& probe) {
  const AclReference reference;
  int32_t major = 0;
  int32_t minor = 0;
  int32_t patch = 0;
  acl_check(acl().aclrtGetVersion, &major, &minor, &patch);
  probe.api_version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
  probe.cann_version = package_version("runtime");
  probe.driver_version = package_version("driver");
  if (const char* soc_name = acl().aclrtGetSocName(); soc_name != nullptr) probe.soc_name = soc_name;
  uint32_t count = 0;
  acl_check(acl().aclrtGetDeviceCount, &count);
  probe.device_count = count;
}

}  // namespace

Probe probe_acl(const LibraryChoice& choice) {
  Probe probe;
  try {
    probe.libraries = load_acl(choice);
    if (!probe.libraries.loaded) throw load_failure(probe.libraries);
    ask_acl(probe);
    if (const auto release = take_release_failure()) probe.failure = *release;
  } catch (const Failure& failure) {
    probe.failure = failure;
    take_release_failure();
  }
  return probe;
}
