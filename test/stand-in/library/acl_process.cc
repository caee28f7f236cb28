// aclInit, aclFinalize, versions, messages.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "call.h"
#include "settings.h"
#include "trace.h"

namespace {

using namespace stand_in;

/** What aclInit compares between two calls: the configuration file's content. */
std::string read_config(const char* path) {
  if (path == nullptr || *path == '\0') return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/** Ends everything and says what was still alive. */
void end_world(World& world) {
  const std::string leaks = world.leaks();
  const std::lock_guard lock(world.mutex);
  while (!world.devices.empty()) world.end_device(world.devices.begin()->first);
  // Leaks that the devices' end has just counted are of things alive before it.
  std::string text = leaks;
  for (const auto& [what, number] : world.leaked) {
    const std::string entry = std::to_string(number) + ' ' + what + (number == 1 ? "" : "s");
    if (text.find(' ' + what) == std::string::npos) text += (text.empty() ? "" : ", ") + entry;
  }
  world.leaked.clear();
  const auto everything = [](const auto&) { return true; };
  world.buffers.remove_if(everything);
  world.datasets.remove_if(everything);
  world.descs.remove_if(everything);
  world.load_configs.remove_if(everything);
  world.exec_configs.remove_if(everything);
  if (!text.empty()) report_event("leak", text);
}

}  // namespace

STAND_IN_API const char* whisperNpuStandIn(void) { return "stand-in"; }

STAND_IN_API aclError aclInit(const char* configPath) {
  {
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    if (world.init_count == 0) Settings::get().reload();
  }
  return run_call({.function = "aclInit"}, [&](Call&) {
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    const std::string config = read_config(configPath);
    if (world.init_count > 0) {
      if (config != world.config) return fail(kInvalidParam, "aclInit was called before with another configuration");
      ++world.init_count;
      return fail(kRepeatInitialize, "aclInit was called before");
    }
    if (arch_of_soc(Settings::get().soc()).empty()) return fail(500000, "stand-in: STAND_IN_SOC is not a known soc");
    world.config = config;
    world.init_count = 1;
    return kSuccess;
  });
}

STAND_IN_API aclError aclFinalize(void) {
  return run_call({.function = "aclFinalize", .releases = true}, [](Call&) {
    World& world = World::get();
    {
      const std::lock_guard lock(world.mutex);
      if (world.init_count == 0) return fail(kRepeatFinalize, "the runtime is not initialised");
      world.init_count = 0;
    }
    end_world(world);
    return kSuccess;
  });
}

STAND_IN_API aclError aclFinalizeReference(std::uint64_t* refCount) {
  return run_call({.function = "aclFinalizeReference", .releases = true}, [&](Call&) {
    World& world = World::get();
    std::uint64_t left = 0;
    {
      const std::lock_guard lock(world.mutex);
      if (world.init_count == 0) return fail(kRepeatFinalize, "the runtime is not initialised");
      left = --world.init_count;
    }
    if (refCount != nullptr) *refCount = left;
    if (left == 0) end_world(world);
    return kSuccess;
  });
}

STAND_IN_API const char* aclGetRecentErrMsg(void) {
  thread_local std::string last;
  last = take_message();
  trace_call({"aclGetRecentErrMsg"});
  return last.empty() ? nullptr : last.c_str();
}

STAND_IN_API const char* aclrtGetSocName(void) {
  return run_value<const char*>("aclrtGetSocName", nullptr, [] {
    thread_local std::string soc;
    soc = Settings::get().soc();
    return soc.c_str();
  });
}

STAND_IN_API aclError aclrtGetVersion(std::int32_t* major, std::int32_t* minor, std::int32_t* patch) {
  return run_call({.function = "aclrtGetVersion"}, [&](Call&) {
    if (major == nullptr || minor == nullptr || patch == nullptr) return null_argument("version");
    *major = 1;
    *minor = 16;
    *patch = 0;
    return kSuccess;
  });
}

STAND_IN_API aclError aclsysGetVersionStr(char* pkgName, char* versionStr) {
  return run_call({.function = "aclsysGetVersionStr"}, [&](Call&) {
    if (pkgName == nullptr) return null_argument("pkgName");
    if (versionStr == nullptr) return null_argument("versionStr");
    std::snprintf(versionStr, 128, "8.5.0.stand-in%s", Settings::get().dry() ? ".dry" : "");
    return kSuccess;
  });
}

STAND_IN_API aclError aclsysGetVersionNum(char* pkgName, std::int32_t* versionNum) {
  return run_call({.function = "aclsysGetVersionNum"}, [&](Call&) {
    if (pkgName == nullptr) return null_argument("pkgName");
    if (versionNum == nullptr) return null_argument("versionNum");
    *versionNum = 80500000;
    return kSuccess;
  });
}
