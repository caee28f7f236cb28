#pragma once

namespace stand_in {

/** What a dry device's time is reckoned from, in bytes, multiply-adds and seconds. */
struct DryCosts {
  double memory_bytes_per_second = 0;
  double multiply_adds_per_second = 0;
  /** Between host and device. */
  double transfer_bytes_per_second = 0;
  /** Of each kernel and each copy, beside its work. */
  double kernel_seconds = 0;
  /** Of each call of the host that gives the device work. */
  double call_seconds = 0;
  /** From the end of the work until the host that waits for it goes on. */
  double wait_seconds = 0;
};

}  // namespace stand_in
