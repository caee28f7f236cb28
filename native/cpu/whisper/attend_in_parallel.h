// How self-attention of the encoder is shared by threads, for every dtype that it is computed in.
#pragma once

#include <algorithm>
#include <cstddef>

#include "../profile.h"
#include "../thread_pool.h"

namespace WHISPER_CPU_LEVEL {

/** Queries whose scores are kept in the processor's cache at a time. */
inline constexpr size_t queries_at_once = 12;

/** @param attend given a head, its first query, how many there are, the thread's index and its clock */
template <typename Attend>
void attend_in_parallel(ThreadPool& pool, Profile& profile, size_t heads, size_t positions, const Attend& attend) {
  constexpr size_t queries_per_item = 60 / queries_at_once * queries_at_once;
  const size_t items_per_head = (positions + queries_per_item - 1) / queries_per_item;
  pool.parallel_for(heads * items_per_head, [&](size_t item, size_t thread_index) {
    const size_t head = item / items_per_head;
    const size_t end = std::min(positions, (item % items_per_head + 1) * queries_per_item);
    Clock& clock = profile.clock(thread_index);
    clock.start();
    for (size_t first = item % items_per_head * queries_per_item; first < end; first += queries_at_once)
      attend(head, first, std::min(queries_at_once, end - first), thread_index, clock);
  });
}

}  // namespace WHISPER_CPU_LEVEL
