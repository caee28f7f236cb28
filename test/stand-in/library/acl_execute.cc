// Execution of models, at once or queued.
#include <cstring>

#include "call.h"
#include "queue.h"

namespace {

using namespace stand_in;

/** Sizes up to 64 bytes short of the model's are let through, as the real library does. */
constexpr std::uint64_t kForgivenBytes = 64;

struct Binding {
  std::uintptr_t address = 0;
  std::uint64_t size = 0;
};

struct Job {
  std::shared_ptr<Model> model;
  std::shared_ptr<Context> context;
  std::vector<Binding> inputs;
  std::vector<Binding> outputs;
};

bool overlaps(std::uintptr_t first, std::uint64_t first_size, std::uintptr_t second, std::uint64_t second_size) {
  return first != 0 && second != 0 && first < second + second_size && second < first + first_size;
}

/** Where one tensor lies, checked against what the model wants. */
aclError bind(const Job& job, const aclDataBuffer* handle, const TensorInfo& tensor, Binding& binding) {
  const std::shared_ptr<DataBuffer> buffer = World::get().buffers.find(handle);
  if (!buffer) return fail(kInvalidParam, "stand-in: the dataset holds a data buffer that was destroyed");
  const auto error = [&](aclError code, const std::string& text) {
    return fail(code, "tensor " + tensor.name + ": " + text);
  };
  if (buffer->address == nullptr) return error(kGeFailure, "stand-in: it has no memory, and the stand-in brings none");
  if (buffer->size + kForgivenBytes < tensor.size) {
    return error(kGeFailure, "E13025: the buffer has " + std::to_string(buffer->size) + " bytes, the model needs " +
                                 std::to_string(tensor.size));
  }
  binding = {reinterpret_cast<std::uintptr_t>(buffer->address), tensor.size};
  const std::uint64_t said = std::max<std::uint64_t>(buffer->size, tensor.size);
  if (!World::get().memory.locate(*job.context->device, binding.address, said)) {
    return error(kGeFailure, "stand-in: its memory is not within an allocation on the device");
  }
  if (binding.address % 64 != 0) return error(kRtUnaligned, "stand-in: its address is not aligned to 64 bytes");
  const OmInfo& info = *job.model->info;
  if (overlaps(binding.address, tensor.size, job.model->work, info.work_size) ||
      overlaps(binding.address, tensor.size, job.model->weights, info.weight_size)) {
    return error(kGeFailure, "stand-in: it lies in the model's own work or weight memory");
  }
  return kSuccess;
}

aclError bind_all(const Job& job, const char* side, const Dataset& dataset, const std::vector<TensorInfo>& tensors,
                  std::vector<Binding>& bindings) {
  if (dataset.buffers.size() != tensors.size()) {
    return fail(kGeFailure, std::string("the dataset of ") + side + " has " + std::to_string(dataset.buffers.size()) +
                                " buffers, the model needs " + std::to_string(tensors.size()));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Binding binding;
    if (const aclError code = bind(job, dataset.buffers[i], tensors[i], binding); code != kSuccess) return code;
    bindings.push_back(binding);
  }
  return kSuccess;
}

aclError prepare(std::uint32_t id, const aclmdlDataset* input, const aclmdlDataset* output, Model::Mode mode,
                 Job& job) {
  if (input == nullptr) return null_argument("input");
  if (output == nullptr) return null_argument("output");
  job.model = World::get().find_model(id);
  if (!job.model) return fail(kGeModelId, "model " + std::to_string(id) + " is not loaded");
  Ready ready = require_context();
  if (!ready.context) return ready.code;
  job.context = std::move(ready.context);
  if (job.model->context != job.context)
    return fail(kRtStreamContext, "stand-in: the model was loaded in another context");
  if (job.model->mode != Model::Mode::none && job.model->mode != mode) {
    return fail(kGeFailure, "NnExecute not support mix execute: one model runs sync or async for its whole life");
  }
  const std::shared_ptr<Dataset> inputs = World::get().datasets.find(input);
  const std::shared_ptr<Dataset> outputs = World::get().datasets.find(output);
  if (!inputs || !outputs) return fail(kInvalidParam, "stand-in: not a live dataset");
  if (const aclError code = bind_all(job, "inputs", *inputs, job.model->info->inputs, job.inputs); code != kSuccess)
    return code;
  return bind_all(job, "outputs", *outputs, job.model->info->outputs, job.outputs);
}

Answer run(const Job& job, Moment asked, const Deadline& deadline) {
  return job.context->device->use(deadline, asked, [&](DeviceWorker& worker) -> Answer {
    std::vector<DeviceRange> places;
    for (const std::vector<Binding>* side : {&job.inputs, &job.outputs}) {
      for (const Binding& binding : *side) {
        const auto place = World::get().memory.locate(*job.context->device, binding.address, binding.size);
        if (!place) return {kRtAiCoreException, "stand-in: a queued model met memory that was freed before it ran"};
        places.push_back(*place);
      }
    }
    return worker.run(job.model->id, places);
  });
}

aclError execute(std::uint32_t id, const aclmdlDataset* input, aclmdlDataset* output, const Deadline& deadline) {
  Job job;
  if (const aclError code = prepare(id, input, output, Model::Mode::sync, job); code != kSuccess) return code;
  job.model->mode = Model::Mode::sync;
  Device& device = *job.context->device;
  Answer answer = run(job, device.ask(), deadline);
  if (answer.code == kSuccess) answer = device.wait(deadline);
  if (is_device_error(answer.code)) job.context->failure = answer.code;
  return fail(answer);
}

aclError execute_async(std::uint32_t id, const aclmdlDataset* input, aclmdlDataset* output, aclrtStream handle) {
  Job job;
  if (const aclError code = prepare(id, input, output, Model::Mode::async, job); code != kSuccess) return code;
  const StreamResult found = find_stream(job.context, handle);
  if (!found.stream) return found.code;
  if (const auto other = job.model->stream.lock(); other && other != found.stream) {
    const std::lock_guard lock(other->mutex);
    for (const Task& task : other->tasks) {
      if (task.model == id) return fail(kGeFailure, "stand-in: the model is queued on another stream already");
    }
  }
  job.model->mode = Model::Mode::async;
  job.model->stream = found.stream;
  enqueue(found.stream,
          {[job, asked = job.context->device->ask()](const Deadline& deadline) { return run(job, asked, deadline); }, id});
  return kSuccess;
}

}  // namespace

STAND_IN_API aclError aclmdlExecute(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output) {
  return run_call({.function = "aclmdlExecute"}, [&](Call&) { return execute(modelId, input, output, std::nullopt); });
}

STAND_IN_API aclError aclmdlExecuteAsync(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output,
                                         aclrtStream stream) {
  return run_call({.function = "aclmdlExecuteAsync"},
                  [&](Call&) { return execute_async(modelId, input, output, stream); });
}

STAND_IN_API aclError aclmdlExecuteV2(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output,
                                      aclrtStream stream, const aclmdlExecConfigHandle* handle) {
  return run_call({.function = "aclmdlExecuteV2"}, [&](Call&) {
    if (handle == nullptr) return null_argument("handle");
    const std::shared_ptr<ExecConfig> config = World::get().exec_configs.find(handle);
    if (!config) return fail(kInvalidParam, "stand-in: not a live execute config");
    if (stream != nullptr) return fail(kInvalidParam, "stand-in: aclmdlExecuteV2 takes no stream here");
    return execute(modelId, input, output, deadline_after(config->stream_timeout));
  });
}

STAND_IN_API aclError aclmdlExecuteAsyncV2(std::uint32_t modelId, const aclmdlDataset* input, aclmdlDataset* output,
                                           aclrtStream stream, const aclmdlExecConfigHandle* handle) {
  return run_call({.function = "aclmdlExecuteAsyncV2"}, [&](Call&) {
    if (handle == nullptr) return null_argument("handle");
    if (!World::get().exec_configs.find(handle)) return fail(kInvalidParam, "stand-in: not a live execute config");
    return execute_async(modelId, input, output, stream);
  });
}

STAND_IN_API aclmdlExecConfigHandle* aclmdlCreateExecConfigHandle(void) {
  return run_value<aclmdlExecConfigHandle*>("aclmdlCreateExecConfigHandle", nullptr, [] {
    return static_cast<aclmdlExecConfigHandle*>(World::get().exec_configs.add(std::make_shared<ExecConfig>()));
  });
}

STAND_IN_API aclError aclmdlDestroyExecConfigHandle(const aclmdlExecConfigHandle* handle) {
  return run_call({.function = "aclmdlDestroyExecConfigHandle", .releases = true}, [&](Call&) {
    if (handle == nullptr) return null_argument("handle");
    return World::get().exec_configs.take(handle) ? kSuccess
                                                  : fail(kInvalidParam, "stand-in: not a live execute config");
  });
}

STAND_IN_API aclError aclmdlSetExecConfigOpt(aclmdlExecConfigHandle* handle, std::int32_t attr, const void* attrValue,
                                             std::size_t valueSize) {
  return run_call({.function = "aclmdlSetExecConfigOpt"}, [&](Call&) {
    if (handle == nullptr || attrValue == nullptr) return null_argument("handle or value");
    const std::shared_ptr<ExecConfig> config = World::get().exec_configs.find(handle);
    if (!config) return fail(kInvalidParam, "stand-in: not a live execute config");
    if (attr < 0 || attr > 1 || valueSize != sizeof(std::int32_t))
      return fail(kInvalidParam, "the option or its size is wrong");
    std::int32_t timeout = 0;
    std::memcpy(&timeout, attrValue, sizeof timeout);
    if (timeout < -1) return fail(kInvalidParam, "the timeout must not be less than -1");
    (attr == 0 ? config->stream_timeout : config->event_timeout) = timeout;
    return kSuccess;
  });
}
