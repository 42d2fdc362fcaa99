#include "storage/task_counts.h"

#include <algorithm>

#include "api/limits.h"

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
  Queue& counts = found->second;
  if (!counts.is_named) name_if_there_is_room(*found);
  const bool was_idle = counts.open == 0;
  counts.tasks[static_cast<std::size_t>(state)] += tasks;
  counts.open += tasks;
  if (counts.is_named) {
    if (was_idle) --idle_named_;
    if (counts.open == 0) ++idle_named_;
    return;
  }
  others_[static_cast<std::size_t>(state)] += tasks;
  if (counts.open == 0) by_queue_.erase(found);
}

void TaskCounts::name_if_there_is_room(Queues::value_type& queue) {
  if (named_.size() >= api::limits::named_queues) forget_an_idle_one();
  if (named_.size() >= api::limits::named_queues) return;
  named_.push_back(&queue);
  queue.second.is_named = true;
  if (queue.second.open == 0) ++idle_named_;
  for (std::size_t i = 0; i < others_.size(); ++i) others_[i] -= queue.second.tasks[i];
}

void TaskCounts::forget_an_idle_one() {
  if (idle_named_ == 0) return;
  const auto idle = std::ranges::find_if(named_, [](const auto* queue) { return queue->second.open == 0; });
  const std::string name = (*idle)->first;
  named_.erase(idle);
  by_queue_.erase(name);
  --idle_named_;
}

StateCounts TaskCounts::read() {
  StateCounts counts;
  const base::MutexLock lock(mutex_);
  for (int i = 0; i < api::task_state_count; ++i) {
    const auto state = static_cast<TaskState>(i);
    counts.by_state[state] = by_state_[static_cast<std::size_t>(i)];
    if (api::is_final(state)) continue;
    for (const auto& [name, queue] : by_queue_) {
      if (queue.open != 0) counts.by_queue[name][state] = queue.tasks[static_cast<std::size_t>(i)];
    }
  }
  return counts;
}

QueueCounts TaskCounts::read_lines() {
  QueueCounts counts;
  counts.named.reserve(api::limits::named_queues);
  const base::MutexLock lock(mutex_);
  for (const auto* queue : named_) counts.named.push_back({queue->first, queue->second.tasks});
  counts.others = others_;
  counts.all = by_state_;
  return counts;
}

}  // namespace longhaul::storage
