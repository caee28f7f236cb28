#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "abi.h"
#include "dry_costs.h"

namespace stand_in {

/** What the n-th call of a function shall meet. */
struct Fault {
  enum class Kind { none, fail, lose_device, hang };
  Kind kind = Kind::none;
  aclError code = kSuccess;
  std::uint64_t call = 0;
};

/** Devices that compute nothing: what their time is reckoned from, and the file of the tokens that they replay. */
struct DrySettings {
  DryCosts costs;
  std::string tokens;
};

/**
 * The STAND_IN_* knobs. They are read when the library is first used and again at every aclInit that starts the
 * runtime; the counts of calls start anew then, so one process can run with a fault, without it, and with another.
 */
class Settings {
 public:
  static Settings& get();

  void reload();
  /** Counts a call of the function and says what it shall meet. */
  Fault next_fault(const std::string& function);

  std::string soc() const;
  std::uint64_t hbm_bytes() const;
  std::uint32_t device_count() const;
  std::string node() const;
  /** Set where devices are dry. */
  std::optional<DrySettings> dry() const;
  std::string trace_path() const;

 private:
  struct Plan {
    // n > 0: that call only; 0: every call; n < 0: from call -n on.
    std::int64_t call = 0;
    Fault fault;
  };

  Settings() { reload(); }
  void add_plans(const char* variable, Fault::Kind kind);

  mutable std::mutex mutex_;
  std::multimap<std::string, Plan> plans_;
  std::map<std::string, std::uint64_t> calls_;
  std::string soc_;
  std::string node_;
  std::string trace_path_;
  std::optional<DrySettings> dry_;
  std::uint64_t hbm_bytes_ = 0;
  std::uint32_t device_count_ = 1;
};

}  // namespace stand_in
