#include "session.h"

AclReference::AclReference() {
  // Counted by ACL: a second call, from another device or another Node worker, answers so and counts.
  constexpr aclError kRepeatInitialize = 100002;
  const aclError status = acl().aclInit(nullptr);
  if (status != ACL_SUCCESS && status != kRepeatInitialize) throw AclError("aclInit", status);
}

AclReference::~AclReference() {
  uint64_t references = 0;
  note_release("aclFinalizeReference", acl().aclFinalizeReference(&references));
}

DeviceClaim::DeviceClaim(int32_t device_id) : device_id_(device_id) { acl_check(acl().aclrtSetDevice, device_id); }

DeviceClaim::~DeviceClaim() {
  if (!force_) {
    const aclError status = acl().aclrtResetDevice(device_id_);
    if (status == ACL_SUCCESS) return;
    note_release("aclrtResetDevice", status);
  }
  note_release("aclrtResetDeviceForce", acl().aclrtResetDeviceForce(device_id_));
}

Context::Context(int32_t device_id) {
  aclrtContext context = nullptr;
  acl_check(acl().aclrtCreateContext, &context, device_id);
  handle_.reset(context);
}

Stream::Stream(int32_t timeout_ms) : timeout_ms_(timeout_ms) { acl_check(acl().aclrtCreateStream, &handle_); }

Stream::~Stream() {
  const auto& destroy = abandoned_ ? acl().aclrtDestroyStreamForce : acl().aclrtDestroyStream;
  note_release(destroy.name, destroy(handle_));
}

void Stream::synchronise() const { acl_check(acl().aclrtSynchronizeStreamWithTimeout, handle_, timeout_ms_); }

ExecuteOptions::ExecuteOptions(int32_t timeout_ms) : handle_(acl_create(acl().aclmdlCreateExecConfigHandle)) {
  acl_check(acl().aclmdlSetExecConfigOpt, handle_.get(), ACL_MDL_STREAM_SYNC_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}
