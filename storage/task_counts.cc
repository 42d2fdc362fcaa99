#include "storage/task_counts.h"

#include <algorithm>

namespace longhaul::storage {

void TaskCounts::add(const std::string& queue, TaskState state, std::int64_t tasks) {
  const base::MutexLock lock(mutex_);
  add_locked(queue, state, tasks);
}

void TaskCounts::apply(std::span<const TaskChange> changes) {
  const base::MutexLock lock(mutex_);
  for (const TaskChange& change : changes) {
    add_locked(change.task->queue, change.task->state, 1);
    if (change.from) add_locked(change.task->queue, *change.from, -1);
  }
}

void TaskCounts::add_locked(const std::string& queue, TaskState state, std::int64_t tasks) {
  by_state_[static_cast<std::size_t>(state)] += tasks;
  if (api::is_final(state)) return;
  const auto found = by_queue_.try_emplace(queue).first;
  std::int64_t& count = found->second[static_cast<std::size_t>(state)];
  count += tasks;
  if (count == 0 && std::ranges::all_of(found->second, [](std::int64_t n) { return n == 0; }))
    by_queue_.erase(found);
}

StateCounts TaskCounts::read() {
  StateCounts counts;
  const base::MutexLock lock(mutex_);
  for (int i = 0; i < api::task_state_count; ++i) {
    const auto state = static_cast<TaskState>(i);
    counts.by_state[state] = by_state_[static_cast<std::size_t>(i)];
    if (api::is_final(state)) continue;
    for (const auto& [queue, by_state] : by_queue_)
      counts.by_queue[queue][state] = by_state[static_cast<std::size_t>(i)];
  }
  return counts;
}

}  // namespace longhaul::storage
