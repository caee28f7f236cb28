#include "device.h"

#include <utility>

namespace {

// Room for a log-mel spectrogram and a beam's logits at once; larger transfers go through it in parts.
constexpr size_t kPinnedBytes = size_t{8} << 20;

template <typename Object>
Object& find(std::map<ObjectId, Object>& objects, ObjectId id, const char* what) {
  const auto found = objects.find(id);
  if (found == objects.end()) throw closed_failure(what);
  return found->second;
}

void require_size(size_t wanted, size_t received) {
  if (wanted == received) return;
  throw argument_failure("expected " + std::to_string(wanted) + " bytes but received " + std::to_string(received));
}

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

Device::Device(const DeviceOptions& options) {
  take_release_failure();
  acl_reference_.emplace();
  claim_.emplace(options.device_id);
  context_.emplace(options.device_id);
  stream_.emplace(options.sync_timeout_ms);
  execute_options_.emplace(options.sync_timeout_ms);
  arena_.emplace(kPinnedBytes);
  const char* soc_name = acl().aclrtGetSocName();
  if (soc_name == nullptr) throw AclError(acl().aclrtGetSocName.name, kUnknownFailure);
  soc_name_ = soc_name;
}

Device::~Device() {
  try {
    close();
  } catch (const Failure&) {
    // Whoever wanted to know has called close().
  }
}

void Device::refuse_if_failed() const {
  if (!acl_reference_) throw closed_failure("the device");
  if (failure_) {
    throw Failure(failure_->code(), std::string("the device failed earlier: ") + failure_->what(),
                  "Close it and open it again. " + failure_->hint(), failure_->call());
  }
}

void Device::rethrow_release_failure() {
  if (const std::optional<AclError> failure = take_release_failure()) {
    release_failed_ = true;
    throw *failure;
  }
}

/** @param error why the job failed, where ACL was the reason */
void Device::note_failure(const AclError* error) {
  const std::optional<AclError> release = take_release_failure();
  if (release) release_failed_ = true;
  if (error != nullptr) job_failed_ = true;
  if (error != nullptr && error->is_fatal()) {
    failure_ = *error;
  } else if (release && release->is_fatal()) {
    failure_ = release;
  }
}

std::shared_ptr<DeviceBuffer> Device::buffer(ObjectId id) const {
  const auto found = buffers_.find(id);
  if (found == buffers_.end()) throw closed_failure("the buffer");
  return found->second;
}

DeviceSlice Device::slice(const SliceRef& ref) const {
  return slice_of(buffer(ref.buffer), ref.offset, ref.size_bytes);
}

std::vector<DeviceSlice> Device::slices(const std::vector<SliceRef>& refs) const {
  std::vector<DeviceSlice> result;
  for (const SliceRef& ref : refs) result.push_back(slice(ref));
  return result;
}

MemoryInfo Device::memory_info() const {
  MemoryInfo info{};
  acl_check(acl().aclrtGetMemInfo, ACL_HBM_MEM, &info.free_bytes, &info.total_bytes);
  return info;
}

ObjectId Device::allocate(size_t size_bytes) {
  buffers_.emplace(next_id_, std::make_shared<DeviceBuffer>(size_bytes));
  return next_id_++;
}

LoadedModel Device::load_model(const std::string& path, const ModelOptions& options) {
  ModelMemory memory;
  if (options.work_buffer) memory.work = buffer(*options.work_buffer);
  if (options.weight_buffer) memory.weights = buffer(*options.weight_buffer);
  for (const auto& [file_name, ref] : options.external_weights) {
    memory.external_weights.push_back({file_name, slice(ref)});
  }
  auto model = std::make_shared<Model>(path, std::move(memory), options.mode);
  LoadedModel loaded{next_id_, model->inputs(), model->outputs()};
  models_.emplace(next_id_++, std::move(model));
  return loaded;
}

void Device::close_model(ObjectId id) {
  const auto found = models_.find(id);
  if (found == models_.end()) return;
  std::erase_if(bindings_, [&](const auto& entry) { return entry.second.model() == found->second; });
  models_.erase(found);
}

ObjectId Device::create_binding(ObjectId model, const std::vector<SliceRef>& inputs,
                                const std::vector<SliceRef>& outputs) {
  bindings_.emplace(next_id_, Binding(find(models_, model, "the model"), slices(inputs), slices(outputs)));
  return next_id_++;
}

Downloads Device::submit(const std::vector<Command>& commands) {
  Downloads downloads;
  downloads.reserve(commands.size());  // the batch keeps pointers into it
  Batch batch(*stream_, *execute_options_, *arena_);
  const Overloaded carry_out{
      [&](const UploadCommand& command) {
        require_size(command.to.size_bytes, command.data.size());
        batch.upload(slice(command.to), command.data);
      },
      [&](const UploadFileCommand& command) {
        const MappedFile file(command.path, MappedFile::Use::read);
        if (command.file_offset > file.size_bytes() ||
            command.to.size_bytes > file.size_bytes() - command.file_offset) {
          throw Failure("NPU_FILE", command.path + ": the file is too short");
        }
        batch.upload(slice(command.to), {file.data() + command.file_offset, command.to.size_bytes});
      },
      [&](const FillCommand& command) { batch.fill(slice(command.to), command.value); },
      [&](const CopyCommand& command) {
        require_size(command.to.size_bytes, command.from.size_bytes);
        batch.copy(slice(command.from), slice(command.to));
      },
      [&](const ExecuteCommand& command) {
        Binding& binding = find(bindings_, command.binding, "the binding");
        for (const Rebind& rebind : command.rebinds) binding.rebind(rebind.side, rebind.index, slice(rebind.slice));
        batch.execute(binding);
      },
      [&](const DownloadCommand& command) {
        downloads.emplace_back(command.from.size_bytes);
        batch.download(slice(command.from), downloads.back());
      },
  };
  for (const Command& command : commands) std::visit(carry_out, command);
  batch.synchronise();
  return downloads;
}

void Device::close() {
  if (!acl_reference_) return;
  if (failure_) {
    // What is still queued must be gone before the memory that it uses.
    stream_->abandon();
    stream_.reset();
  }
  bindings_.clear();
  models_.clear();
  buffers_.clear();
  arena_.reset();
  execute_options_.reset();
  stream_.reset();
  context_.reset();
  std::optional<AclError> first = take_release_failure();
  // What could not be freed one by one goes with the device.
  if (failure_ || release_failed_ || first) claim_->force_reset();
  claim_.reset();
  acl_reference_.reset();
  if (!first) first = take_release_failure();
  take_release_failure();
  const bool told = failure_ || (job_failed_ && first && first->is_fatal());
  if (first && !told) throw *first;
}
