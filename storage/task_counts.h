// How many tasks there are in each state, and in each queue those not finished; kept in memory, exact as of
// the last commit.
// Thread-safety: all methods, any thread. A queue without unfinished tasks is forgotten, so that this does
//   not grow for good.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

#include "api/task_state.h"
#include "base/mutex.h"
#include "storage/store.h"

namespace longhaul::storage {

class TaskCounts {
 public:
  // What the database held at start.
  void add(const std::string& queue, TaskState state, std::int64_t tasks) EXCLUDES(mutex_);
  void apply(std::span<const TaskChange> changes) EXCLUDES(mutex_);
  [[nodiscard]] StateCounts read() EXCLUDES(mutex_);

 private:
  using ByState = std::array<std::int64_t, api::task_state_count>;
  void add_locked(const std::string& queue, TaskState state, std::int64_t tasks) REQUIRES(mutex_);

  base::Mutex mutex_;
  ByState by_state_ GUARDED_BY(mutex_){};
  std::unordered_map<std::string, ByState> by_queue_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::storage
