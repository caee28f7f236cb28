#include "trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "settings.h"

namespace stand_in {
namespace {

class TraceFile {
 public:
  void append(const std::string& line) {
    const std::lock_guard lock(mutex_);
    const std::string path = Settings::get().trace_path();
    if (path != path_) open(path);
    if (descriptor_ < 0) return;
    // One write per line: with O_APPEND, lines of several processes do not mix.
    if (::write(descriptor_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      std::fprintf(stderr, "stand-in: cannot write to %s\n", path.c_str());
    }
  }

 private:
  void open(const std::string& path) {
    if (descriptor_ >= 0) ::close(descriptor_);
    path_ = path;
    descriptor_ = path.empty() ? -1 : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (!path.empty() && descriptor_ < 0) std::fprintf(stderr, "stand-in: cannot open %s\n", path.c_str());
  }

  std::mutex mutex_;
  std::string path_;
  int descriptor_ = -1;
};

TraceFile& file() {
  static TraceFile* const instance = new TraceFile;
  return *instance;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

}  // namespace

void trace_call(const TraceLine& line) {
  char text[256];
  std::snprintf(text, sizeof text,
                "{\"function\":\"%s\",\"thread\":%d,\"bytes\":%llu,\"direction\":%s%s%s,\"code\":%d,\"ms\":%.3f}\n",
                line.function, static_cast<int>(::gettid()), static_cast<unsigned long long>(line.bytes),
                line.direction == nullptr ? "" : "\"", line.direction == nullptr ? "null" : line.direction,
                line.direction == nullptr ? "" : "\"", line.code, line.milliseconds);
  file().append(text);
}

void report_event(const char* kind, const std::string& text) {
  std::fprintf(stderr, "stand-in: %s: %s\n", kind, text.c_str());
  file().append("{\"event\":" + quoted(kind) + ",\"text\":" + quoted(text) + "}\n");
}

}  // namespace stand_in
