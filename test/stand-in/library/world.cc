#include "world.h"

#include "settings.h"

namespace stand_in {
namespace {

thread_local void* current_handle = nullptr;

void count(std::map<std::string, std::size_t>& counts, const char* what, std::size_t number) {
  if (number > 0) counts[what] += number;
}

}  // namespace

World& World::get() {
  static World* const world = new World;
  return *world;
}

std::shared_ptr<Model> World::find_model(std::uint32_t id) {
  const std::lock_guard lock(mutex);
  const auto found = models.find(id);
  return found == models.end() ? nullptr : found->second;
}

void World::end_context(const std::shared_ptr<Context>& context) {
  const bool well = context->device->well() && context->failure == kSuccess;
  if (const auto slot = devices.find(context->device->id()); slot != devices.end() && context->failure != kSuccess) {
    slot->second.failed = true;
  }
  const auto belongs = [&](const auto& object) { return object.context == context; };
  const std::size_t ended_streams = streams.remove_if(belongs);
  const std::size_t ended_events = events.remove_if(belongs);
  const std::size_t ended_models = std::erase_if(models, [&](const auto& entry) {
    if (entry.second->context != context) return false;
    memory.discharge(context->device->id(), entry.second->charged);
    return true;
  });
  {
    // The stream holds the context as the context holds it.
    const std::lock_guard lock(context->mutex);
    context->default_stream.reset();
  }
  if (!well) return;
  count(leaked, "stream", ended_streams);
  count(leaked, "event", ended_events);
  count(leaked, "model", ended_models);
}

void World::end_device(std::int32_t id, bool force) {
  const auto slot = devices.find(id);
  if (slot == devices.end()) return;
  const std::shared_ptr<Device> device = slot->second.device;
  bool well = device->well() && !(force && slot->second.failed);
  for (const auto& context : contexts.all()) {
    if (context->device != device) continue;
    well = well && context->failure == kSuccess;
    end_context(context);
    contexts.take(context->handle);
    if (!context->is_default && well) count(leaked, "context", 1);
  }
  const std::size_t allocations = memory.remove_of(*device);
  if (well) count(leaked, "device allocation", allocations);
  devices.erase(slot);
  device->close();
}

std::string World::leaks() {
  const std::lock_guard lock(mutex);
  std::map<std::string, std::size_t> counts = leaked;
  count(counts, "data buffer", buffers.all().size());
  count(counts, "dataset", datasets.all().size());
  count(counts, "model description", descs.all().size());
  count(counts, "load config", load_configs.all().size());
  count(counts, "execute config", exec_configs.all().size());
  count(counts, "host allocation", host_memory.size());
  count(counts, "device", devices.size());
  std::string text;
  for (const auto& [what, number] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(number) + ' ' + what + (number == 1 ? "" : "s");
  }
  return text;
}

std::shared_ptr<Context> current_context() {
  return current_handle == nullptr ? nullptr : World::get().contexts.find(current_handle);
}

void set_current_context(void* handle) { current_handle = handle; }

}  // namespace stand_in
