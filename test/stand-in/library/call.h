#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "abi.h"
#include "world.h"

#define STAND_IN_API extern "C" __attribute__((visibility("default")))

namespace stand_in {

/** A call of the API while it runs; what is set here is what the trace shows. */
struct Call {
  const char* function;
  std::uint64_t bytes = 0;
  const char* direction = nullptr;
  /**
   * A call that gives something back. An injected failure lets it do so and then returns the code, as when the driver
   * fails behind a release; any other call does nothing when it is made to fail.
   */
  bool releases = false;
};

/** Notes what aclGetRecentErrMsg of this thread shall say, and gives the code on. */
aclError fail(aclError code, std::string text);
aclError fail(const Answer& answer);
/** The thread's noted message, which is then forgotten. */
std::string take_message();

/** True for the 5070xx errors that a context does not survive (a timeout is not one of them). */
bool is_device_error(aclError code);

/** Runs a call of the API: counts it, lets it meet its fault if one is planned, and writes its line of the trace. */
aclError run_call(Call call, const std::function<aclError(Call&)>& body);

/** As run_call, for the functions that return a value; a planned failure returns the fallback. */
template <class T>
T run_value(const char* function, T fallback, const std::function<T()>& body) {
  T value = fallback;
  const aclError code = run_call({.function = function}, [&](Call&) {
    value = body();
    return kSuccess;
  });
  return code == kSuccess ? value : fallback;
}

/** The thread's context, if it has one and both it and its device are well. */
struct Ready {
  std::shared_ptr<Context> context;
  aclError code = kSuccess;
};
Ready require_context();

/** The error of a null argument, in the words of ACL's own log. */
aclError null_argument(const char* name);

}  // namespace stand_in
