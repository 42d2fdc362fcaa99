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

// The time of day at which a task is due, by the clock as it stands now.
base::WallTime due_at(const api::TaskSnapshot& task, const storage::Now& now) {
  if (!task.due) return task.run_at;
  if (const auto* at = std::get_if<base::WallTime>(&*task.due)) return *at;
  const base::WallTime at = now.wall + (std::get<base::SteadyTime>(*task.due) - now.steady);
  // The two clocks are read one after the other and cut to milliseconds: so little is no step of the clock.
  constexpr base::Milliseconds reading_error{2};
  const bool clock_stands = at - task.run_at <= reading_error && task.run_at - at <= reading_error;
  return clock_stands ? task.run_at : at;
}

}  // namespace

storage::ReadyTask ready_task_of(const api::TaskSnapshot& task) {
  return {task.key, task.priority, task.run_at};
}

api::WaitingFor explain_scheduled(const api::TaskSnapshot& task, const storage::Now& now) {
  const std::string at = api::to_text(due_at(task, now));
  if (task.attempt == 0) return {"not_due", "due at " + at};
  return {"retry_backoff", "attempt " + std::to_string(task.attempt + 1) + " of " +
                               std::to_string(task.max_attempts) + " is due at " + at};
}

api::WaitingFor explain_unknown_type(const api::TaskSnapshot& task) {
  return {"no_worker_for_type", "this server does not run tasks of the type \"" + task.type + "\""};
}

std::optional<api::WaitingFor> explain_queued(const api::TaskSnapshot& task, const TaskType& type,
                                              const Capacity& capacity, const ReadyQueue& ready) {
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
  const auto ahead =
      ready.count_ahead(task.queue, ready_task_of(task), capacity, api::limits::waiting_ahead_counted);
  if (ahead.count > 0) return api::WaitingFor{"behind_others", ahead_text(ahead)};
  if (!capacity.queue_has_room(task.queue)) {
    return api::WaitingFor{"queue_concurrency",
                           of_running(capacity.held_by_queue(task.queue), capacity.queue_limit(task.queue))};
  }
  return std::nullopt;
}

}  // namespace longhaul::worker
