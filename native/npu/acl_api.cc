#include "acl_api.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace {

struct LoadedAcl {
  std::mutex mutex;
  AclApi api;
  std::vector<std::string> libraries;  // as asked for; empty when searched
  std::atomic<bool> ready = false;
};

// Never destroyed: a thread that outlives the process's shutdown may still be inside ACL.
LoadedAcl& loaded_acl() {
  static LoadedAcl* const state = std::make_unique<LoadedAcl>().release();
  return *state;
}

/** Opens one library; the attempt is recorded either way. */
void* open_library(const std::string& name, LibraryReport& report) {
  // RTLD_GLOBAL: the graph engine opens its plug-ins by path, and they expect these symbols to be there.
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL);
  LibraryAttempt attempt{.name = name, .path = {}, .error = {}};
  link_map* map = nullptr;
  if (handle == nullptr) {
    attempt.error = dlerror();
  } else if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr) {
    attempt.path = map->l_name;
  }
  report.attempts.push_back(std::move(attempt));
  return handle;
}

template <typename Function>
void resolve(Function& function, const std::vector<void*>& handles, std::vector<std::string>& missing) {
  for (void* handle : handles) {
    if (void* symbol = dlsym(handle, function.name); symbol != nullptr) {
      function.pointer = reinterpret_cast<decltype(function.pointer)>(symbol);
      return;
    }
  }
  missing.emplace_back(function.name);
}

bool resolve_all(AclApi& api, const std::vector<void*>& handles, LibraryReport& report) {
  report.missing_symbols.clear();
#define ACL_FUNCTION(result, name, ...) resolve(api.name, handles, report.missing_symbols);
#include "acl_functions.inc"
#undef ACL_FUNCTION
  return report.missing_symbols.empty();
}

void* open_anywhere(const std::string& name, const std::vector<std::string>& directories, LibraryReport& report) {
  if (void* handle = open_library(name, report); handle != nullptr) return handle;
  for (const std::string& directory : directories) {
    if (void* handle = open_library(directory + "/" + name, report); handle != nullptr) return handle;
  }
  return nullptr;
}

bool load_chosen(AclApi& api, const std::vector<std::string>& libraries, LibraryReport& report) {
  std::vector<void*> handles;
  for (const std::string& name : libraries) {
    void* handle = open_library(name, report);
    if (handle == nullptr) return false;
    handles.push_back(handle);
  }
  return resolve_all(api, handles, report);
}

/** libascendcl.so is on its way out in CANN 8.5: the pair is tried when it is missing or incomplete. */
bool load_found(AclApi& api, const std::vector<std::string>& directories, LibraryReport& report) {
  std::vector<void*> handles;
  if (void* handle = open_anywhere("libascendcl.so", directories, report); handle != nullptr) {
    handles.push_back(handle);
    if (resolve_all(api, handles, report)) return true;
  }
  void* const runtime = open_anywhere("libacl_rt.so", directories, report);
  void* const models = open_anywhere("libacl_mdl.so", directories, report);
  if (runtime == nullptr || models == nullptr) return false;
  handles.insert(handles.end(), {runtime, models});
  return resolve_all(api, handles, report);
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

}  // namespace

void prepare_acl_environment() {
  // libascend_trace would take over SIGINT, SIGTERM and the fatal signals of the whole process.
  setenv("ASCEND_COREDUMP_SIGNAL", "none", 0);
  // aclFinalize would wait up to two seconds for the device's logs.
  setenv("ASCEND_LOG_DEVICE_FLUSH_TIMEOUT", "0", 0);
}

LibraryReport load_acl(const LibraryChoice& choice) {
  LoadedAcl& state = loaded_acl();
  const std::lock_guard lock(state.mutex);
  LibraryReport report;
  if (state.ready && !choice.libraries.empty() && choice.libraries != state.libraries) {
    throw Failure("NPU_LIBRARY_CONFLICT",
                  "this process already uses " +
                      (state.libraries.empty() ? "the system's ACL libraries" : joined(state.libraries, ", ")) +
                      " and cannot load " + joined(choice.libraries, ", ") + " beside them");
  }
  // Loading again what is loaded costs nothing, and reports the paths anew.
  AclApi api;
  const std::vector<std::string>& libraries = state.ready ? state.libraries : choice.libraries;
  report.loaded =
      libraries.empty() ? load_found(api, choice.search_directories, report) : load_chosen(api, libraries, report);
  if (report.loaded && !state.ready) {
    state.api = api;
    state.libraries = choice.libraries;
    state.ready = true;
  }
  return report;
}

Failure load_failure(const LibraryReport& report) {
  const std::string hint =
      "Install CANN 8.5 and the Ascend driver, run `source /usr/local/Ascend/ascend-toolkit/set_env.sh` (or "
      "/usr/local/Ascend/cann/set_env.sh) in this shell, and try again; or name the library in "
      "WHISPER_NPU_ACL_LIBRARY.";
  std::vector<std::string> tried;
  for (const LibraryAttempt& attempt : report.attempts) {
    // The loader's text begins with the file at fault, which may be one that the library needs.
    const bool own_fault = attempt.error.starts_with(attempt.name);
    tried.push_back(attempt.error.empty() ? attempt.path
                                          : (own_fault ? attempt.error : attempt.name + " (" + attempt.error + ")"));
  }
  if (!report.missing_symbols.empty()) {
    // A library of another kind lacks them all.
    constexpr size_t kNamed = 3;
    std::vector<std::string> named = report.missing_symbols;
    named.resize(std::min(named.size(), kNamed));
    const size_t more = report.missing_symbols.size() - named.size();
    const std::string others = more == 0 ? "" : " and " + std::to_string(more) + " functions more";
    return Failure("NPU_LIBRARY_INCOMPLETE",
                   "the ACL libraries lack " + joined(named, ", ") + others + "; tried " + joined(tried, "; "), hint);
  }
  return Failure("NPU_LIBRARY_MISSING", "no ACL library could be loaded; tried " + joined(tried, "; "), hint);
}

const AclApi& acl() { return loaded_acl().api; }
