// Where the time of executions goes. The clocks are always on: a reading takes 20 ns, and what is timed takes microseconds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/** Parts of an execution, and their names for people. */
enum class Part : size_t {
  convolutions,
  norms,
  linear,
  scores,
  softmax,
  weighted_values,
  self_attention,
  cross_attention,
  output_projection
};
inline constexpr std::array part_names{
    "convolutions",
    "layer norms and quantisation",
    "linear layers",
    "attention: scores",
    "attention: softmax",
    "attention: values",
    "self-attention with its query, key and value projections",
    "cross-attention with its query projection",
    "output projection",
};

/** Adds up the time that one thread spends on each part. */
class alignas(64) Clock {
 public:
  using Time = std::chrono::steady_clock;

  void start() { last_ = Time::now(); }
  /** Adds the time since the last reading to a part. */
  void spent_on(Part part) {
    const auto now = Time::now();
    const auto index = static_cast<size_t>(part);
    spent_[index] += now - last_;
    ++readings_[index];
    last_ = now;
  }

  Time::duration spent(size_t part) const { return spent_[part]; }
  uint64_t readings(size_t part) const { return readings_[part]; }

 private:
  Time::time_point last_;
  std::array<Time::duration, part_names.size()> spent_{};
  std::array<uint64_t, part_names.size()> readings_{};
};

/** Sums over all executions of a graph so far. */
struct PartTime {
  const char* name;
  uint64_t calls;
  double elapsed_ms;
};
struct GraphTimes {
  std::string graph;
  uint64_t executions;
  double elapsed_ms;
  std::vector<PartTime> parts;
};

class Profile {
 public:
  /** @param threads how many threads are timed; the times of a part are their mean */
  Profile(std::string graph, size_t threads);

  Clock& clock(size_t thread) { return clocks_[thread]; }

  template <typename Work>
  void execution(const Work& work) {
    ++executions_;
    rest_of_execution(work);
  }
  /** Work that belongs to the last execution too. */
  template <typename Work>
  void rest_of_execution(const Work& work) {
    const auto started = Clock::Time::now();
    work();
    elapsed_ += Clock::Time::now() - started;
  }

  GraphTimes times() const;

 private:
  std::string graph_;
  std::vector<Clock> clocks_;
  uint64_t executions_ = 0;
  Clock::Time::duration elapsed_{};
};
