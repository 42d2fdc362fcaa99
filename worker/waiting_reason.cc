#include "worker/waiting_reason.h"

#include <cstdint>
#include <string>

#include "api/limits.h"
#include "api/time_text.h"

namespace longhaul::worker {
namespace {

std::string of_running(std::int64_t held, std::int64_t limit) {
  return std::to_string(held) + " of " + std::to_string(limit) + " running";
}

std::string ahead_text(const ReadyQueue::Ahead& ahead) {
  const std::string count = std::to_string(ahead.count);
  if (!ahead.exact) return count + " or more tasks are ahead in this queue";
  return ahead.count == 1 ? "1 task is ahead in this queue" : count + " tasks are ahead in this queue";
}

base::WallTime wall_time_of(const api::Due& due, const storage::Now& now) {
  if (const auto* at = std::get_if<base::WallTime>(&due)) return *at;
  return now.wall + (std::get<base::SteadyTime>(due) - now.steady);
}

}  // namespace

storage::ReadyTask ready_task_of(const api::TaskSnapshot& task) {
  return {task.key, task.priority, task.run_at};
}

api::WaitingFor explain_scheduled(const api::TaskSnapshot& task, const storage::Now& now) {
  if (task.attempt == 0) return {"not_due", "due at " + api::to_text(task.run_at)};
  const base::WallTime at = task.due ? wall_time_of(*task.due, now) : task.run_at;
  return {"retry_backoff", "attempt " + std::to_string(task.attempt + 1) + " of " +
                               std::to_string(task.max_attempts) + " is due at " + api::to_text(at)};
}

api::WaitingFor explain_unknown_type(const api::TaskSnapshot& task) {
  return {"no_worker_for_type", "this server does not run tasks of the type \"" + task.type + "\""};
}

std::optional<api::WaitingFor> explain_queued(const api::TaskSnapshot& task, const TaskType& type,
                                              const TaskTypes& types, const Capacity& capacity,
                                              const ReadyQueue& ready) {
  const std::int64_t of_type = capacity.held_by_type(type.name);
  if (type.concurrency && of_type >= *type.concurrency) {
    return api::WaitingFor{"type_concurrency", of_running(of_type, *type.concurrency)};
  }
  if (!capacity.executor_has_room(type.kind)) {
    const std::string places = std::to_string(capacity.places(type.kind));
    return api::WaitingFor{"type_concurrency", type.kind == TaskKind::builtin
                                                   ? "all " + places + " threads for built-in types are taken"
                                                   : "all " + places + " places for commands are taken"};
  }
  const auto ahead = ready.count_ahead(task.queue, ready_task_of(task), api::limits::waiting_ahead_counted);
  if (ahead.count > 0) return api::WaitingFor{"behind_others", ahead_text(ahead)};
  if (!capacity.queue_has_room(task.queue)) {
    return api::WaitingFor{"queue_concurrency", of_running(capacity.held_by_queue(task.queue),
                                                           types.queue(task.queue).concurrency)};
  }
  return std::nullopt;
}

}  // namespace longhaul::worker
