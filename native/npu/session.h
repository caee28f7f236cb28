// What a device thread holds while it uses a device, each undone by its destructor; declared in order of acquisition.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "acl_error.h"

/** One of the process's references to ACL: the first initialises it, the last finalizes it. */
class AclReference {
 public:
  AclReference();
  ~AclReference();
  AclReference(const AclReference&) = delete;
  AclReference& operator=(const AclReference&) = delete;
};

/** This thread's claim on a device. */
class DeviceClaim {
 public:
  explicit DeviceClaim(int32_t device_id);
  ~DeviceClaim();
  DeviceClaim(const DeviceClaim&) = delete;
  DeviceClaim& operator=(const DeviceClaim&) = delete;

  /** Gives the device back with everything this process left on it: after a fault, or a release that failed. */
  void force_reset() { force_ = true; }

 private:
  int32_t device_id_;
  bool force_ = false;
};

/** A context of its own, current on the thread that makes it. */
class Context {
 public:
  explicit Context(int32_t device_id);

 private:
  std::unique_ptr<void, AclRelease<&AclApi::aclrtDestroyContext>> handle_;
};

/** The one stream on which everything is queued; every wait for it is bounded. */
class Stream {
 public:
  explicit Stream(int32_t timeout_ms);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  aclrtStream get() const { return handle_; }
  int32_t timeout_ms() const { return timeout_ms_; }
  void synchronise() const;
  /** Drops what is still queued instead of waiting for it. */
  void abandon() { abandoned_ = true; }

 private:
  aclrtStream handle_ = nullptr;
  int32_t timeout_ms_;
  bool abandoned_ = false;
};

/** Options of a synchronous execute: the same bound on the wait. */
class ExecuteOptions {
 public:
  explicit ExecuteOptions(int32_t timeout_ms);
  const aclmdlExecConfigHandle* get() const { return handle_.get(); }

 private:
  std::unique_ptr<aclmdlExecConfigHandle, AclRelease<&AclApi::aclmdlDestroyExecConfigHandle>> handle_;
};
