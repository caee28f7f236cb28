#include "device_process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

extern "C" const char* whisperNpuStandIn(void);

namespace stand_in {
namespace {

constexpr std::size_t kStagingBytes = 64ULL << 20;
constexpr int kChildSocket = 3;
constexpr int kChildStaging = 4;

/** The device's program, beside this library. */
std::string device_program() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&whisperNpuStandIn), &info) == 0 || info.dli_fname == nullptr) {
    throw std::runtime_error("cannot find the place of the library");
  }
  const auto folder = std::filesystem::canonical(info.dli_fname).parent_path();
  return (folder / "js" / "device" / "main.js").string();
}

/** The environment without what is meant for the host process alone. */
std::vector<char*> child_environment() {
  constexpr std::array<std::string_view, 4> host_only = {
      "LD_PRELOAD=", "NODE_OPTIONS=", "NODE_CHANNEL_FD=", "NODE_CHANNEL_SERIALIZATION_MODE="};
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool dropped =
        std::any_of(host_only.begin(), host_only.end(), [&](auto name) { return text.starts_with(name); });
    if (!dropped) environment.push_back(*entry);
  }
  environment.push_back(nullptr);
  return environment;
}

bool send_all(int socket, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* data, std::size_t size) {
  auto* bytes = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t received = ::recv(socket, bytes, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    bytes += received;
    size -= static_cast<std::size_t>(received);
  }
  return true;
}

class SpawnActions {
 public:
  SpawnActions() {
    if (posix_spawn_file_actions_init(&actions_) != 0) throw std::runtime_error("posix_spawn_file_actions_init failed");
  }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void check(int result) const {
    if (result != 0) throw std::system_error(result, std::generic_category(), "posix_spawn_file_actions");
  }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    if (posix_spawnattr_init(&attributes_) != 0) throw std::runtime_error("posix_spawnattr_init failed");
    // Its own process group: Ctrl-C is for the host, the device ends when the host has gone.
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

/** "allocation allocation_size offset size", as requests name a place. */
std::string to_text(const DeviceRange& range) {
  return std::to_string(range.allocation) + ' ' + std::to_string(range.allocation_size) + ' ' +
         std::to_string(range.offset) + ' ' + std::to_string(range.size);
}

}  // namespace

DeviceProcess::DeviceProcess(const std::string& node) {
  std::string folder = (std::filesystem::temp_directory_path() / "stand-in-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  scratch_ = folder;
  std::array<int, 2> pair{-1, -1};
  try {
    staging_ = ::memfd_create("stand-in", MFD_CLOEXEC);
    if (staging_ < 0 || ::ftruncate(staging_, kStagingBytes) != 0) {
      throw std::system_error(errno, std::generic_category(), "memfd_create");
    }
    void* mapped = ::mmap(nullptr, kStagingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, staging_, 0);
    if (mapped == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    staging_bytes_ = static_cast<std::byte*>(mapped);
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    socket_ = pair[0];
    spawn(node, pair[1]);
    ::close(pair[1]);
    pair[1] = -1;
    const Answer greeting = request("hello");
    if (greeting.code != kSuccess) throw std::runtime_error("the device process did not start: " + greeting.text);
  } catch (...) {
    if (pair[1] >= 0) ::close(pair[1]);
    kill();
    if (staging_bytes_ != nullptr) ::munmap(staging_bytes_, kStagingBytes);
    if (staging_ >= 0) ::close(staging_);
    throw;
  }
}

DeviceProcess::~DeviceProcess() {
  close();
  ::munmap(staging_bytes_, kStagingBytes);
  ::close(staging_);
}

void DeviceProcess::close() {
  if (socket_ >= 0) {
    // The closed socket is its sign to end.
    ::close(socket_);
    socket_ = -1;
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }
  kill();
}

void DeviceProcess::kill() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }
  std::error_code ignored;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
}

void DeviceProcess::spawn(const std::string& node, int device_socket) {
  SpawnActions actions;
  // Numbers above the child's own, so that no dup2 below overwrites its source.
  const int socket = ::fcntl(device_socket, F_DUPFD_CLOEXEC, 10);
  const int staging = ::fcntl(staging_, F_DUPFD_CLOEXEC, 10);
  const auto close_copies = [&] {
    ::close(socket);
    ::close(staging);
  };
  try {
    actions.check(posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0));
    actions.check(posix_spawn_file_actions_addopen(actions.get(), 1, "/dev/null", O_WRONLY, 0));
    actions.check(posix_spawn_file_actions_adddup2(actions.get(), socket, kChildSocket));
    actions.check(posix_spawn_file_actions_adddup2(actions.get(), staging, kChildStaging));
    actions.check(posix_spawn_file_actions_addclosefrom_np(actions.get(), kChildStaging + 1));
    const SpawnAttributes attributes;
    std::string program = device_program();
    std::string command = node;
    std::string scratch = scratch_;
    std::array<char*, 4> arguments = {command.data(), program.data(), scratch.data(), nullptr};
    std::vector<char*> environment = child_environment();
    const int result =
        posix_spawnp(&pid_, command.c_str(), actions.get(), attributes.get(), arguments.data(), environment.data());
    if (result != 0) {
      pid_ = -1;
      throw std::system_error(result, std::generic_category(), "cannot start '" + node + "' (STAND_IN_NODE)");
    }
  } catch (...) {
    close_copies();
    throw;
  }
  close_copies();
}

Answer DeviceProcess::lost() {
  kill();
  return {kRtLostHeartbeat, "stand-in: the device process has ended"};
}

Answer DeviceProcess::request(const std::string& text) {
  if (!alive()) return lost();
  auto size = static_cast<std::uint32_t>(text.size());
  if (!send_all(socket_, &size, sizeof size) || !send_all(socket_, text.data(), text.size())) return lost();
  if (!receive_all(socket_, &size, sizeof size)) return lost();
  std::string reply(size, '\0');
  if (!receive_all(socket_, reply.data(), reply.size())) return lost();
  const std::size_t end = reply.find('\n');
  if (end == std::string::npos) return lost();
  return {static_cast<aclError>(std::strtol(reply.c_str(), nullptr, 10)), reply.substr(end + 1)};
}

Answer DeviceProcess::write(const DeviceRange& to, const std::byte* from) {
  for (std::uint64_t done = 0; done < to.size; done += kStagingBytes) {
    const std::uint64_t size = std::min<std::uint64_t>(kStagingBytes, to.size - done);
    std::memcpy(staging_bytes_, from + done, size);
    const DeviceRange part{to.allocation, to.allocation_size, to.offset + done, size};
    if (Answer answer = request("write " + to_text(part)); answer.code != kSuccess) return answer;
  }
  return {};
}

Answer DeviceProcess::read(const DeviceRange& from, std::byte* to) {
  for (std::uint64_t done = 0; done < from.size; done += kStagingBytes) {
    const std::uint64_t size = std::min<std::uint64_t>(kStagingBytes, from.size - done);
    const DeviceRange part{from.allocation, from.allocation_size, from.offset + done, size};
    if (Answer answer = request("read " + to_text(part)); answer.code != kSuccess) return answer;
    std::memcpy(to + done, staging_bytes_, size);
  }
  return {};
}

Answer DeviceProcess::copy(const DeviceRange& to, const DeviceRange& from) {
  return request("copy " + to_text(to) + ' ' + to_text(from));
}

Answer DeviceProcess::fill(const DeviceRange& to, std::int32_t value) {
  return request("fill " + to_text(to) + ' ' + std::to_string(value & 0xFF));
}

Answer DeviceProcess::free(std::uint64_t allocation) { return request("free " + std::to_string(allocation)); }

/** A model in memory is first stored as a file of the device's own. */
Answer DeviceProcess::load(const ModelToLoad& model) {
  const std::string stored = std::to_string(model.id) + ".om";
  if (model.path.empty()) {
    if (Answer answer = store_file(stored, model.bytes); answer.code != kSuccess) return answer;
  }
  const OmInfo& info = *model.info;
  std::string text = "load " + std::to_string(model.id) + ' ' + std::to_string(info.onnx.offset) + ' ' +
                     std::to_string(info.onnx.size) + ' ' + std::to_string(info.weights.offset);
  text += model.path.empty() ? " stored\n" + stored
                             : " path\n" + std::filesystem::canonical(model.path).string();
  text += '\n' + model.weight_folder + '\n';
  for (const auto& [file, place, size] : model.weights) {
    text += "weight " + to_text(place) + ' ' + std::to_string(size) + ' ' + file + '\n';
  }
  return request(text);
}

Answer DeviceProcess::unload(std::uint32_t model) { return request("unload " + std::to_string(model)); }

Answer DeviceProcess::run(std::uint32_t model, const std::vector<DeviceRange>& places) {
  std::string text = "run " + std::to_string(model);
  for (const DeviceRange& place : places) text += '\n' + to_text(place);
  return request(text);
}

Answer DeviceProcess::store_file(const std::string& name, std::span<const std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size(); done += kStagingBytes) {
    const std::size_t size = std::min(kStagingBytes, bytes.size() - done);
    std::memcpy(staging_bytes_, bytes.data() + done, size);
    Answer answer = request("store " + std::to_string(size) + (done == 0 ? " new\n" : " more\n") + name);
    if (answer.code != kSuccess) return answer;
  }
  return {};
}

}  // namespace stand_in
