#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

/** The ACL call behind a failure. */
struct FailedCall {
  std::string function;
  int status;
};

/** A failure that JavaScript sees as an NpuError. */
class Failure : public std::runtime_error {
 public:
  Failure(std::string code, const std::string& message, std::string hint = {}, std::optional<FailedCall> call = {})
      : std::runtime_error(message), code_(std::move(code)), hint_(std::move(hint)), call_(std::move(call)) {}

  const std::string& code() const { return code_; }
  const std::string& hint() const { return hint_; }
  const std::optional<FailedCall>& call() const { return call_; }

 private:
  std::string code_;
  std::string hint_;
  std::optional<FailedCall> call_;
};

inline Failure closed_failure(const std::string& what) { return Failure("NPU_CLOSED", what + " is closed"); }
inline Failure argument_failure(const std::string& message) { return Failure("NPU_ARGUMENT", message); }
