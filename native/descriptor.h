// A file descriptor that is closed at the end of a scope: a mapping outlives it.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

class Descriptor {
 public:
  /** For reading. Where that fails, errno says why and get() is negative. */
  explicit Descriptor(const std::string& path) : value_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};
