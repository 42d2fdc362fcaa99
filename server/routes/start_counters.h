// What starts came to besides a new task, counted since the server began. Read by GET /metrics.
// Thread-safety: any thread, wait-free.
#pragma once

#include <atomic>
#include <cstdint>

namespace longhaul::server {

class StartCounter {
 public:
  void add() { value_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

struct StartCounters {
  // Of starts that name a cache key:
  StartCounter fresh_hits;  // answered from the cache without running
  StartCounter stale_hits;  // answered from the cache because the task was not done in time, or failed
  StartCounter misses;      // the others
  // Of starts that name a unique key: answered with the unfinished task that has it.
  StartCounter deduplicated;
  // Of starts that wait: not final by then, whatever was answered.
  StartCounter wait_timeouts;
  // Of starts with `on_timeout: cancel`: the client hung up first, and the task was cancelled for that.
  StartCounter cancelled_by_hang_up;
};

}  // namespace longhaul::server
