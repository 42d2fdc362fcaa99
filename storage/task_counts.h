// How many tasks there are in each state, and in each queue those not finished; kept in memory, exact as of
// the last commit.
// Thread-safety: all methods, any thread. A queue without unfinished tasks is forgotten, unless it has a line of
//   its own in read_lines(); so this does not grow for good.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

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
  // Takes no longer than its lines, however many queues there are.
  [[nodiscard]] QueueCounts read_lines() EXCLUDES(mutex_);

 private:
  struct Queue {
    TasksByState tasks{};
    std::int64_t open = 0;  // of all states
    bool is_named = false;
  };
  using Queues = std::unordered_map<std::string, Queue>;

  void add_locked(const std::string& queue, TaskState state, std::int64_t tasks) REQUIRES(mutex_);
  void name_if_there_is_room(Queues::value_type& queue) REQUIRES(mutex_);
  void forget_an_idle_one() REQUIRES(mutex_);

  base::Mutex mutex_;
  TasksByState by_state_ GUARDED_BY(mutex_){};
  Queues by_queue_ GUARDED_BY(mutex_);
  std::vector<Queues::value_type*> named_ GUARDED_BY(mutex_);
  std::size_t idle_named_ GUARDED_BY(mutex_) = 0;  // of these, without a task
  TasksByState others_ GUARDED_BY(mutex_){};       // of queues that are not named
};

}  // namespace longhaul::storage
