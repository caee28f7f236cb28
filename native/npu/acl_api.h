// The ACL libraries, found at run time: nothing links to CANN, so the addon builds and loads anywhere.
#pragma once

#include <string>
#include <vector>

#include "acl_types.h"
#include "call_watch.h"
#include "failure.h"

/** One ACL function: called like the C function, and knows its own name for error messages. */
template <typename Signature>
struct AclFunction;

template <typename Result, typename... Parameters>
struct AclFunction<Result(Parameters...)> {
  const char* name;
  Result (*pointer)(Parameters...) = nullptr;
  Result operator()(Parameters... parameters) const {
    const CallWatch::Call watched(name);
    return pointer(parameters...);
  }
};

struct AclApi {
#define ACL_FUNCTION(result, name, ...) AclFunction<result(__VA_ARGS__)> name{#name};
#include "acl_functions.inc"
#undef ACL_FUNCTION
};

struct LibraryChoice {
  /** Load exactly these, in this order; empty: libascendcl.so, else libacl_rt.so and libacl_mdl.so. */
  std::vector<std::string> libraries;
  /** Folders to try after the loader's own search path. */
  std::vector<std::string> search_directories;
};

struct LibraryAttempt {
  std::string name;
  std::string path;   // what the loader opened; empty when it failed
  std::string error;  // dlerror's text; empty when it opened
};

struct LibraryReport {
  std::vector<LibraryAttempt> attempts;
  std::vector<std::string> missing_symbols;
  bool loaded = false;
};

/** Sets what ACL reads from the environment when it loads, unless the user set it. Call before other threads start. */
void prepare_acl_environment();

/**
 * Loads ACL once per process; a later call finds it loaded, and fails if it asks for other libraries.
 * Libraries are never unloaded: CANN keeps threads and static objects in them.
 */
LibraryReport load_acl(const LibraryChoice& choice);

/** Says of a report that is not `loaded` what was tried, and what to do. */
Failure load_failure(const LibraryReport& report);

/** The loaded table. Only valid after load_acl succeeded. */
const AclApi& acl();
