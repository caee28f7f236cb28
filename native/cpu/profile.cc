// Compiled once and not per level, because none of it is worth a level's instructions.
#include "profile.h"

#include <utility>

Profile::Profile(std::string graph, size_t threads) : graph_(std::move(graph)), clocks_(threads) {}

GraphTimes Profile::times() const {
  const auto in_ms = [](Clock::Time::duration time) { return std::chrono::duration<double, std::milli>(time).count(); };
  GraphTimes times{graph_, executions_, in_ms(elapsed_), {}};
  for (size_t part = 0; part < part_names.size(); ++part) {
    PartTime sum{part_names[part], 0, 0.0};
    for (const Clock& clock : clocks_) {
      sum.calls += clock.readings(part);
      sum.elapsed_ms += in_ms(clock.spent(part)) / static_cast<double>(clocks_.size());
    }
    if (sum.calls > 0) times.parts.push_back(sum);
  }
  return times;
}
