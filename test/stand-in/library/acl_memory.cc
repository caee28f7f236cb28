// Memory of device and host, and copies between them.
#include <cstdlib>
#include <cstring>

#include "call.h"
#include "queue.h"
#include "settings.h"
#include "trace.h"

namespace {

using namespace stand_in;

constexpr std::uint32_t kGarbage = 0x7FC0DEAD;

/** A copy as its pointers say, whatever the caller called it. */
struct Copy {
  std::int32_t kind = kHostToHost;
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  std::uint64_t size = 0;
};

const char* direction_of(std::int32_t kind) {
  switch (kind) {
    case kHostToDevice:
    case kHostToBufToDevice:
      return "H2D";
    case kDeviceToHost:
      return "D2H";
    case kDeviceToDevice:
      return "D2D";
    default:
      return nullptr;
  }
}

aclError check_copy(Call& call, const Context& context, void* dst, std::size_t dest_max, const void* src,
                    std::size_t count, std::int32_t kind, Copy& copy) {
  if (dst == nullptr) return null_argument("dst");
  if (src == nullptr) return null_argument("src");
  if (kind < kHostToHost || kind > kHostToBufToDevice) return fail(kInvalidParam, "the kind of copy is unknown");
  if (count == 0 || count > dest_max) return fail(kRtParam, "the count is 0 or more than the destination holds");
  const DeviceMemory& memory = World::get().memory;
  const bool to_device = memory.is_device_address(dst);
  const bool from_device = memory.is_device_address(src);
  const std::int32_t real =
      to_device ? (from_device ? kDeviceToDevice : kHostToDevice) : (from_device ? kDeviceToHost : kHostToHost);
  call.bytes = count;
  call.direction = direction_of(real);
  const bool agrees = kind == kDefaultKind || kind == real || (kind == kHostToBufToDevice && real == kHostToDevice);
  if (!agrees) {
    return fail(kRtParam, "stand-in: the kind of copy " + std::to_string(kind) +
                              " does not fit the pointers, which are " + std::to_string(real));
  }
  const auto inside = [&](const void* address) {
    return memory.locate(*context.device, reinterpret_cast<std::uintptr_t>(address), count).has_value();
  };
  if ((to_device && !inside(dst)) || (from_device && !inside(src))) {
    return fail(kRtParam, "stand-in: the copy leaves its allocation on the device, or there is none");
  }
  copy = {real, static_cast<std::byte*>(dst), static_cast<const std::byte*>(src), count};
  return kSuccess;
}

/** Performs the copy. Memory that was freed since it was checked is the device's error. */
Answer perform(const std::shared_ptr<Device>& device, const Copy& copy, Moment asked, const Deadline& deadline) {
  return device->use(deadline, asked, [&](DeviceWorker& worker) -> Answer {
    const DeviceMemory& memory = World::get().memory;
    const auto place = [&](const std::byte* address) {
      return memory.locate(*device, reinterpret_cast<std::uintptr_t>(address), copy.size);
    };
    const Answer gone{kRtDma, "stand-in: a queued copy met memory that was freed before it ran"};
    const auto from = place(copy.from);
    const auto to = place(copy.to);
    switch (copy.kind) {
      case kHostToHost:
        std::memmove(copy.to, copy.from, copy.size);
        return {};
      case kHostToDevice:
        return to ? worker.write(*to, copy.from) : gone;
      case kDeviceToHost:
        return from ? worker.read(*from, copy.to) : gone;
      default:
        return from && to ? worker.copy(*to, *from) : gone;
    }
  });
}

/** How a call ends that returns only when the device has done it. */
aclError end_call(const std::shared_ptr<Context>& context, Answer answer) {
  if (answer.code == kSuccess) answer = context->device->wait(std::nullopt);
  if (is_device_error(answer.code)) context->failure = answer.code;
  return fail(answer);
}

bool unaligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 64 != 0; }

aclError allocate(Call& call, void** pointer, std::size_t size, std::int32_t policy) {
  call.bytes = size;
  if (pointer == nullptr) return null_argument("devPtr");
  if (size == 0) return fail(kInvalidParam, "the size must not be 0");
  constexpr std::int32_t known_policies = 0x1107;
  if (policy < 0 || (policy & ~known_policies) != 0) return fail(kInvalidParam, "the policy is unknown");
  const Ready ready = require_context();
  if (!ready.context) return ready.code;
  const auto address = World::get().memory.allocate(ready.context->device, size);
  if (!address) return fail(kRtMemoryAllocation, "the device has no room for " + std::to_string(size) + " bytes");
  *pointer = reinterpret_cast<void*>(*address);
  return kSuccess;
}

aclError check_fill(Call& call, void* dev, std::size_t max, std::size_t count, const Context& context) {
  call.bytes = count;
  if (dev == nullptr) return null_argument("devPtr");
  if (count == 0 || count > max) return fail(kRtParam, "the count is 0 or more than the memory holds");
  if (!World::get().memory.locate(*context.device, reinterpret_cast<std::uintptr_t>(dev), count)) {
    return fail(kRtParam, "stand-in: the memory is not within an allocation on the device");
  }
  return kSuccess;
}

Answer fill(const std::shared_ptr<Device>& device, std::uintptr_t address, std::uint64_t count, std::int32_t value,
            Moment asked, const Deadline& deadline) {
  return device->use(deadline, asked, [&](DeviceWorker& worker) -> Answer {
    const auto place = World::get().memory.locate(*device, address, count);
    if (!place) return {kRtDma, "stand-in: a queued fill met memory that was freed before it ran"};
    return worker.fill(*place, value);
  });
}

}  // namespace

STAND_IN_API aclError aclrtMalloc(void** devPtr, std::size_t size, std::int32_t policy) {
  return run_call({.function = "aclrtMalloc"}, [&](Call& call) { return allocate(call, devPtr, size, policy); });
}

STAND_IN_API aclError aclrtMallocAlign32(void** devPtr, std::size_t size, std::int32_t policy) {
  return run_call({.function = "aclrtMallocAlign32"}, [&](Call& call) { return allocate(call, devPtr, size, policy); });
}

STAND_IN_API aclError aclrtFree(void* devPtr) {
  return run_call({.function = "aclrtFree", .releases = true}, [&](Call& call) {
    if (devPtr == nullptr) return null_argument("devPtr");
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    const auto allocation = World::get().memory.take(reinterpret_cast<std::uintptr_t>(devPtr));
    if (!allocation) return fail(kRtParam, "stand-in: not the start of a live allocation");
    call.bytes = allocation->size;
    return fail(allocation->device->use_unless_hung(
        [&](DeviceWorker& worker) { return worker.free(allocation->id); }));
  });
}

STAND_IN_API aclError aclrtMallocHost(void** hostPtr, std::size_t size) {
  return run_call({.function = "aclrtMallocHost"}, [&](Call& call) {
    call.bytes = size;
    if (hostPtr == nullptr) return null_argument("hostPtr");
    if (size == 0) return fail(kInvalidParam, "the size must not be 0");
    if (const Ready ready = require_context(); !ready.context) return ready.code;
    void* memory = std::aligned_alloc(64, (size + 63) / 64 * 64);
    if (memory == nullptr) return fail(kRtMemoryAllocation, "the host has no room");
    for (std::size_t i = 0; i + sizeof kGarbage <= size; i += sizeof kGarbage) {
      std::memcpy(static_cast<std::byte*>(memory) + i, &kGarbage, sizeof kGarbage);
    }
    World& world = World::get();
    const std::lock_guard lock(world.mutex);
    world.host_memory[memory] = size;
    *hostPtr = memory;
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtFreeHost(void* hostPtr) {
  return run_call({.function = "aclrtFreeHost", .releases = true}, [&](Call& call) {
    if (hostPtr == nullptr) return fail(kRtParam, "argument hostPtr must not be null");
    World& world = World::get();
    {
      const std::lock_guard lock(world.mutex);
      const auto found = world.host_memory.find(hostPtr);
      if (found == world.host_memory.end()) return fail(kRtParam, "stand-in: not a live host allocation");
      call.bytes = found->second;
      world.host_memory.erase(found);
    }
    std::free(hostPtr);
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtMemcpy(void* dst, std::size_t destMax, const void* src, std::size_t count,
                                  std::int32_t kind) {
  return run_call({.function = "aclrtMemcpy"}, [&](Call& call) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    Copy copy;
    if (const aclError code = check_copy(call, *ready.context, dst, destMax, src, count, kind, copy);
        code != kSuccess) {
      return code;
    }
    if (dst == src) return kSuccess;
    const std::shared_ptr<Device>& device = ready.context->device;
    return end_call(ready.context, perform(device, copy, device->ask(), std::nullopt));
  });
}

STAND_IN_API aclError aclrtMemcpyAsync(void* dst, std::size_t destMax, const void* src, std::size_t count,
                                       std::int32_t kind, aclrtStream stream) {
  return run_call({.function = "aclrtMemcpyAsync"}, [&](Call& call) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    Copy copy;
    if (const aclError code = check_copy(call, *ready.context, dst, destMax, src, count, kind, copy);
        code != kSuccess) {
      return code;
    }
    if (copy.kind == kHostToHost)
      return fail(kRtNotSupported, "an asynchronous copy from host to host is not supported");
    const DeviceMemory& memory = World::get().memory;
    if ((memory.is_device_address(dst) && unaligned(dst)) || (memory.is_device_address(src) && unaligned(src))) {
      return fail(kRtUnaligned, "stand-in: device addresses of asynchronous copies must be aligned to 64 bytes");
    }
    const StreamResult found = find_stream(ready.context, stream);
    if (!found.stream) return found.code;
    const std::shared_ptr<Device>& device = ready.context->device;
    enqueue(found.stream, {[copy, device, asked = device->ask()](const Deadline& deadline) {
              return perform(device, copy, asked, deadline);
            }});
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtMemset(void* devPtr, std::size_t maxCount, std::int32_t value, std::size_t count) {
  return run_call({.function = "aclrtMemset"}, [&](Call& call) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    if (const aclError code = check_fill(call, devPtr, maxCount, count, *ready.context); code != kSuccess) return code;
    const auto address = reinterpret_cast<std::uintptr_t>(devPtr);
    const std::shared_ptr<Device>& device = ready.context->device;
    return end_call(ready.context, fill(device, address, count, value, device->ask(), std::nullopt));
  });
}

STAND_IN_API aclError aclrtMemsetAsync(void* devPtr, std::size_t maxCount, std::int32_t value, std::size_t count,
                                       aclrtStream stream) {
  return run_call({.function = "aclrtMemsetAsync"}, [&](Call& call) {
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    if (const aclError code = check_fill(call, devPtr, maxCount, count, *ready.context); code != kSuccess) return code;
    const StreamResult found = find_stream(ready.context, stream);
    if (!found.stream) return found.code;
    const auto address = reinterpret_cast<std::uintptr_t>(devPtr);
    const std::shared_ptr<Device>& device = ready.context->device;
    enqueue(found.stream, {[=, asked = device->ask()](const Deadline& deadline) {
              return fill(device, address, count, value, asked, deadline);
            }});
    return kSuccess;
  });
}

STAND_IN_API aclError aclrtGetMemInfo(std::int32_t attr, std::size_t* free, std::size_t* total) {
  return run_call({.function = "aclrtGetMemInfo"}, [&](Call&) {
    if (free == nullptr || total == nullptr) return null_argument("free or total");
    if (attr < 0 || attr > 5) return fail(kInvalidParam, "the kind of memory is unknown");
    const Ready ready = require_context();
    if (!ready.context) return ready.code;
    // The device has HBM (1, 4, 5) and no DDR (0, 2, 3).
    const bool hbm = attr == 1 || attr >= 4;
    *total = hbm ? Settings::get().hbm_bytes() : 0;
    const std::uint64_t used = World::get().memory.used(ready.context->device->id());
    *free = *total > used ? *total - used : 0;
    return kSuccess;
  });
}

STAND_IN_API std::size_t aclDataTypeSize(std::int32_t dataType) {
  return run_value<std::size_t>("aclDataTypeSize", 0, [&] { return data_type_size(dataType); });
}
