// Devices and contexts.
#include "call.h"
#include "device_process.h"
#include "dry_device.h"
#include "queue.h"
#include "settings.h"

namespace {

using namespace stand_in;

/** @throws std::runtime_error where the device's process cannot be started, or the tokens of a dry one cannot be read */
std::unique_ptr<DeviceWorker> make_worker() {
  const Settings& settings = Settings::get();
  if (const auto dry = settings.dry()) return std::make_unique<DryDevice>(dry->costs, dry->tokens);
  return std::make_unique<DeviceProcess>(settings.node());
}

/** The device's slot, its worker started if need be. The world's lock is held. */
World::Slot& open_device(World& world, std::int32_t id) {
  World::Slot& slot = world.devices[id];
  if (slot.device) return slot;
  try {
    slot.device = std::make_shared<Device>(id, make_worker());
  } catch (...) {
    world.devices.erase(id);
    throw;
  }
  slot.default_context = std::make_shared<Context>();
  slot.default_context->device = slot.device;
  slot.default_context->is_default = true;
  slot.default_context->handle = world.contexts.add(slot.default_context);
  return slot;
}

aclError check_device_id(std::int32_t id) {
  const std::uint32_t count = Settings::get().device_count();
  if (count == 0) return fail(kRtNoDevice, "stand-in: there is no device (STAND_IN_DEVICES=0)");
  if (id < 0 || static_cast<std::uint32_t>(id) >= count) {
    return fail(kRtInvalidDevice,
                "device " + std::to_string(id) + " does not exist, there are " + std::to_string(count));
  }
  return kSuccess;
}

aclError check_device(const World& world, std::int32_t id) {
  if (world.init_count == 0) return fail(kUninitialized, "aclInit was not called");
  return check_device_id(id);
}

aclError reset_device(std::int32_t id, bool force) {
  World& world = World::get();
  const std::lock_guard lock(world.mutex);
  if (const aclError code = check_device_id(id); code != kSuccess) return code;
  const auto slot = world.devices.find(id);
  if (slot == world.devices.end() || slot->second.set_count == 0) {
    return fail(kRtParam, "device " + std::to_string(id) + " was not set");
  }
  --slot->second.set_count;
  if (force || slot->second.set_count == 0) world.end_device(id, force);
  return kSuccess;
}

aclError synchronize_device(const Deadline& deadline) {
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  std::vector<std::shared_ptr<Stream>> streams = World::get().streams.all();
  for (const auto& context : World::get().contexts.all()) {
    const std::lock_guard lock(context->mutex);
    if (context->default_stream) streams.push_back(context->default_stream);
  }
  for (const auto& stream : streams) {
    if (stream->context->device != ready.context->device) continue;
    if (const Answer answer = drain(stream, deadline); answer.code != kSuccess) return fail(answer);
  }
  return kSuccess;
}

}  // namespace

STAND_IN_API aclError aclrtGetDeviceCount(std::uint32_t* count) {
  return run_call({.function = "aclrtGetDeviceCount"}, [&](Call&) {
    if (count == nullptr) return null_argument("count");
    *count = Settings::get().device_count();
    return *count == 0 ? fail(kRtNoDevice, "stand-in: there is no device (STAND_IN_DEVICES=0)") : kSuccess;
  });
}

STAND_IN_API aclError aclrtSetDevice(std::int32_t deviceId) {
  return run_call({.function = "aclrtSetDevice"}, [&](Call&) {
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    if (const aclError code = check_device(world, deviceId); code != kSuccess) return code;
    World::Slot& slot = open_device(world, deviceId);
    if (slot.device->lost()) return fail(kRtLostHeartbeat, "stand-in: the device is lost; reset it");
    ++slot.set_count;
    set_current_context(slot.default_context->handle);
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtResetDevice(std::int32_t deviceId) {
  return run_call({.function = "aclrtResetDevice", .releases = true},
                  [&](Call&) { return reset_device(deviceId, false); });
}

STAND_IN_API aclError aclrtResetDeviceForce(std::int32_t deviceId) {
  return run_call({.function = "aclrtResetDeviceForce", .releases = true},
                  [&](Call&) { return reset_device(deviceId, true); });
}

STAND_IN_API aclError aclrtGetDevice(std::int32_t* deviceId) {
  return run_call({.function = "aclrtGetDevice"}, [&](Call&) {
    if (deviceId == nullptr) return null_argument("deviceId");
    const std::shared_ptr<Context> context = current_context();
    if (!context) return fail(kRtNoContext, "the thread has no current context");
    *deviceId = context->device->id();
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtGetRunMode(std::int32_t* runMode) {
  return run_call({.function = "aclrtGetRunMode"}, [&](Call&) {
    if (runMode == nullptr) return null_argument("runMode");
    *runMode = 1;
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtSynchronizeDevice(void) {
  return run_call({.function = "aclrtSynchronizeDevice"}, [](Call&) { return synchronize_device(std::nullopt); });
}

STAND_IN_API aclError aclrtSynchronizeDeviceWithTimeout(std::int32_t timeout) {
  return run_call({.function = "aclrtSynchronizeDeviceWithTimeout"}, [&](Call&) {
    if (timeout < -1) return fail(kRtParam, "the timeout must not be less than -1");
    return synchronize_device(deadline_after(timeout));
  });
}

STAND_IN_API aclError aclrtCreateContext(aclrtContext* context, std::int32_t deviceId) {
  return run_call({.function = "aclrtCreateContext"}, [&](Call&) {
    if (context == nullptr) return null_argument("context");
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    if (const aclError code = check_device(world, deviceId); code != kSuccess) return code;
    World::Slot& slot = open_device(world, deviceId);
    if (slot.device->lost()) return fail(kRtLostHeartbeat, "stand-in: the device is lost; reset it");
    auto created = std::make_shared<Context>();
    created->device = slot.device;
    created->handle = world.contexts.add(created);
    ++slot.contexts;
    set_current_context(created->handle);
    *context = created->handle;
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtDestroyContext(aclrtContext context) {
  return run_call({.function = "aclrtDestroyContext", .releases = true}, [&](Call&) {
    if (context == nullptr) return null_argument("context");
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    const std::shared_ptr<Context> found = world.contexts.find(context);
    if (!found) return fail(kRtInvalidHandle, "stand-in: not a live context");
    if (found->is_default) return fail(kRtParam, "the default context ends with aclrtResetDevice");
    world.end_context(found);
    world.contexts.take(context);
    const std::int32_t id = found->device->id();
    const auto slot = world.devices.find(id);
    if (slot != world.devices.end() && --slot->second.contexts == 0 && slot->second.set_count == 0)
      world.end_device(id);
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtSetCurrentContext(aclrtContext context) {
  return run_call({.function = "aclrtSetCurrentContext"}, [&](Call&) {
    if (context == nullptr) return null_argument("context");
    if (!World::get().contexts.find(context)) return fail(kRtInvalidHandle, "stand-in: not a live context");
    set_current_context(context);
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtGetCurrentContext(aclrtContext* context) {
  return run_call({.function = "aclrtGetCurrentContext"}, [&](Call&) {
    if (context == nullptr) return null_argument("context");
    const std::shared_ptr<Context> current = current_context();
    if (!current) return fail(kRtNoContext, "the thread has no current context");
    *context = current->handle;
    return kSuccess;
  });
}
