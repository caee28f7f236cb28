#pragma once

#include <cstdint>
#include <string>

#include "abi.h"

namespace stand_in {

/** One call as the trace shows it; direction is H2D, D2H, D2D or nothing. */
struct TraceLine {
  const char* function = "";
  std::uint64_t bytes = 0;
  const char* direction = nullptr;
  aclError code = kSuccess;
  double milliseconds = 0;
};

/** Appends a line to the file of STAND_IN_TRACE, if there is one. */
void trace_call(const TraceLine& line);

/** Appends {"event": kind, "text": text} to the trace and says it on stderr: a leak, or a use that no rule forgives. */
void report_event(const char* kind, const std::string& text);

}  // namespace stand_in
