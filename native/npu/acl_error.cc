#include "acl_error.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace {

enum class Kind { call, model, memory, device_id, driver, timeout, lost };

struct Status {
  aclError code;
  Kind kind;
  const char* meaning;
};

constexpr Status kStatuses[] = {
#define ACL_STATUS(name, code, kind, meaning) {code, Kind::kind, meaning},
#include "acl_status.inc"
#undef ACL_STATUS
};

Status describe(aclError code) {
  const auto* found = std::find_if(std::begin(kStatuses), std::end(kStatuses),
                                   [code](const Status& status) { return status.code == code; });
  if (found != std::end(kStatuses)) return *found;
  if (code >= 507000 && code <= 507999) return {code, Kind::lost, "device or driver failure"};
  if (code >= 200000 && code <= 299999) return {code, Kind::call, "a resource is missing"};
  if (code >= 100000 && code <= 199999) return {code, Kind::call, "ACL refused the call"};
  return {code, Kind::call, "internal failure"};
}

const char* code_of(Kind kind) {
  switch (kind) {
    case Kind::model:
      return "NPU_MODEL";
    case Kind::memory:
      return "NPU_OUT_OF_MEMORY";
    case Kind::device_id:
      return "NPU_NO_DEVICE";
    case Kind::driver:
      return "NPU_DRIVER";
    case Kind::timeout:
      return "NPU_TIMEOUT";
    case Kind::lost:
      return "NPU_DEVICE_LOST";
    case Kind::call:
      break;
  }
  return "NPU_CALL";
}

const char* hint_of(Kind kind) {
  switch (kind) {
    case Kind::model:
      return "Convert the model again for this device and CANN version.";
    case Kind::memory:
      return "See with `npu-smi info` what else uses the device; close it or take a smaller model.";
    case Kind::device_id:
      return "List the devices with `npu-smi info`; check ASCEND_RT_VISIBLE_DEVICES.";
    case Kind::driver:
      return "Check that the Ascend driver is loaded (`npu-smi info`) and that the user may open it.";
    case Kind::timeout:
      return "Look at the device with `npu-smi info`; it may be busy or need a reset.";
    case Kind::lost:
      return "Look at the device with `npu-smi info` and at the logs in ~/ascend/log.";
    case Kind::call:
      break;
  }
  return "";
}

std::string message_of(const char* function, const Status& status) {
  std::string text =
      std::string(function) + " failed with " + std::to_string(status.code) + " (" + status.meaning + ")";
  // Must be asked on the failing thread, and is cleared by asking.
  if (const char* recent = acl().aclGetRecentErrMsg(); recent != nullptr && *recent != '\0') {
    text += ": ";
    text += recent;
    while (text.back() == '\n') text.pop_back();
  }
  return text;
}

std::optional<AclError>& release_failure() {
  thread_local std::optional<AclError> failure;
  return failure;
}

}  // namespace

AclError::AclError(const char* function, aclError status)
    : Failure(code_of(describe(status).kind), message_of(function, describe(status)), hint_of(describe(status).kind),
              FailedCall{function, status}) {}

void throw_acl_error(const char* function, aclError status) {
  AclError error(function, status);
  if (release_failure() && release_failure()->is_fatal()) throw *take_release_failure();
  throw error;
}

bool AclError::is_fatal() const {
  // After a wait that failed, whatever its code, work may still be running on memory that its owner believes idle.
  if (call()->function == acl().aclrtSynchronizeStreamWithTimeout.name) return true;
  const Kind kind = describe(call()->status).kind;
  return kind == Kind::timeout || kind == Kind::lost;
}

void note_release(const char* function, aclError status) noexcept try {
  if (status == ACL_SUCCESS) return;
  AclError error(function, status);  // made even when it is not kept: it clears ACL's recent message
  if (!release_failure()) release_failure().emplace(std::move(error));
} catch (...) {
  // No memory left for a message about a release: there is nobody to tell.
}

std::optional<AclError> take_release_failure() noexcept { return std::exchange(release_failure(), std::nullopt); }
