#include "settings.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <vector>

namespace stand_in {
namespace {

constexpr std::uint64_t kDefaultHbmBytes = 32ULL << 30;

std::string text(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? fallback : value;
}

std::uint64_t number(const char* variable, std::uint64_t fallback) {
  const std::string value = text(variable, "");
  if (value.empty()) return fallback;
  char* end = nullptr;
  const std::uint64_t parsed = std::strtoull(value.c_str(), &end, 10);
  if (*end == '\0') return parsed;
  std::fprintf(stderr, "stand-in: %s=%s is not a number and is ignored\n", variable, value.c_str());
  return fallback;
}

double decimal(const char* variable, double fallback, double least = 0) {
  const std::string value = text(variable, "");
  if (value.empty()) return fallback;
  char* end = nullptr;
  const double parsed = std::strtod(value.c_str(), &end);
  constexpr double kMost = 1e6;
  if (*end == '\0' && parsed >= least && parsed <= kMost) return parsed;
  std::fprintf(stderr, "stand-in: %s=%s is not a number from %g to %g and is ignored\n", variable, value.c_str(), least,
               kMost);
  return fallback;
}

/** By default a model of an Ascend910B4; where its numbers are from stands in the README. */
DryCosts dry_costs() {
  constexpr double kGiga = 1e9;
  constexpr double kMicro = 1e-6;
  constexpr double kOperationsOfMultiplyAdd = 2;
  constexpr double kLeastRate = 1e-3;
  return {
      .memory_bytes_per_second = decimal("STAND_IN_DRY_MEMORY_GBPS", 800, kLeastRate) * kGiga,
      .multiply_adds_per_second = decimal("STAND_IN_DRY_TFLOPS", 140, kLeastRate) * 1000 * kGiga / kOperationsOfMultiplyAdd,
      .transfer_bytes_per_second = decimal("STAND_IN_DRY_TRANSFER_GBPS", 20, kLeastRate) * kGiga,
      .kernel_seconds = decimal("STAND_IN_DRY_KERNEL_US", 3) * kMicro,
      .call_seconds = decimal("STAND_IN_DRY_CALL_US", 10) * kMicro,
      .wait_seconds = decimal("STAND_IN_DRY_WAIT_US", 30) * kMicro,
  };
}

std::vector<std::string> split(const std::string& list, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(list);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace

Settings& Settings::get() {
  // Never destroyed: other threads may still call into the library while the process exits.
  static Settings* const settings = new Settings;
  return *settings;
}

void Settings::reload() {
  const std::lock_guard lock(mutex_);
  plans_.clear();
  calls_.clear();
  soc_ = text("STAND_IN_SOC", "Ascend910B4");
  node_ = text("STAND_IN_NODE", "node");
  trace_path_ = text("STAND_IN_TRACE", "");
  hbm_bytes_ = number("STAND_IN_HBM_BYTES", kDefaultHbmBytes);
  dry_.reset();
  if (const std::string tokens = text("STAND_IN_DRY", ""); !tokens.empty()) dry_ = DrySettings{dry_costs(), tokens};
  device_count_ = static_cast<std::uint32_t>(number("STAND_IN_DEVICES", 1));
  add_plans("STAND_IN_FAIL", Fault::Kind::fail);
  add_plans("STAND_IN_LOSE_DEVICE", Fault::Kind::lose_device);
  add_plans("STAND_IN_HANG", Fault::Kind::hang);
}

void Settings::add_plans(const char* variable, Fault::Kind kind) {
  const std::size_t wanted = kind == Fault::Kind::fail ? 3 : 2;
  for (const std::string& entry : split(text(variable, ""), ',')) {
    const std::vector<std::string> parts = split(entry, ':');
    if (parts.size() != wanted) {
      std::fprintf(stderr, "stand-in: %s: cannot read '%s' (function:n%s)\n", variable, entry.c_str(),
                   wanted == 3 ? ":code" : "");
      continue;
    }
    Plan plan;
    plan.call = std::strtoll(parts[1].c_str(), nullptr, 10);
    plan.fault.kind = kind;
    plan.fault.code =
        wanted == 3 ? static_cast<aclError>(std::strtol(parts[2].c_str(), nullptr, 10)) : kRtLostHeartbeat;
    plans_.emplace(parts[0], plan);
  }
}

Fault Settings::next_fault(const std::string& function) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t call = ++calls_[function];
  const auto [first, last] = plans_.equal_range(function);
  for (auto plan = first; plan != last; ++plan) {
    const std::int64_t wanted = plan->second.call;
    const auto current = static_cast<std::int64_t>(call);
    if (wanted == 0 || wanted == current || (wanted < 0 && current >= -wanted)) {
      Fault fault = plan->second.fault;
      fault.call = call;
      return fault;
    }
  }
  return {};
}

std::string Settings::soc() const {
  const std::lock_guard lock(mutex_);
  return soc_;
}

std::uint64_t Settings::hbm_bytes() const {
  const std::lock_guard lock(mutex_);
  return hbm_bytes_;
}

std::uint32_t Settings::device_count() const {
  const std::lock_guard lock(mutex_);
  return device_count_;
}

std::string Settings::node() const {
  const std::lock_guard lock(mutex_);
  return node_;
}

std::optional<DrySettings> Settings::dry() const {
  const std::lock_guard lock(mutex_);
  return dry_;
}

std::string Settings::trace_path() const {
  const std::lock_guard lock(mutex_);
  return trace_path_;
}

}  // namespace stand_in
