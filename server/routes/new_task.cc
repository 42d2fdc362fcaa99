#include "server/routes/new_task.h"

#include <utility>
#include <variant>

#include "api/fault_list.h"

namespace longhaul::server {
namespace {

void set_start(storage::NewTask& task, const api::StartRequest& request, const storage::Now& now) {
  task.run_at = now.wall;
  if (request.run_at && *request.run_at > now.wall) {
    task.run_at = *request.run_at;
    task.due = *request.run_at;
  } else if (request.delay && request.delay->count() > 0) {
    task.run_at = now.wall + *request.delay;
    task.due = now.steady + *request.delay;
  }
}

void set_deadline(storage::NewTask& task, const api::StartRequest& request, const storage::Now& now) {
  if (request.deadline_at) {
    task.deadline_at = *request.deadline_at;
    task.deadline = *request.deadline_at;
  } else if (request.deadline) {
    task.deadline_at = now.wall + *request.deadline;
    task.deadline = now.steady + *request.deadline;
    task.relative_deadline = *request.deadline;
  }
}

// Counted from the moment the task becomes due, on the timeline of that moment.
void set_expiry(storage::NewTask& task, const api::StartRequest& request, const storage::Now& now) {
  if (!request.expires) return;
  task.relative_expiry = *request.expires;
  const api::Due due = task.due.value_or(api::Due(now.steady));
  task.expiry = std::visit([&](auto time) { return api::Due(time + *request.expires); }, due);
}

}  // namespace

std::optional<api::Problem> judge_deadline(const std::optional<api::WallTime>& deadline_at,
                                           const storage::Now& now) {
  if (!deadline_at || *deadline_at > now.wall) return std::nullopt;
  api::FaultList faults;
  faults.add(api::pointer_to("deadline_at"), "has passed already");
  return std::move(faults).to_problem();
}

storage::NewTask make_new_task(api::StartRequest request, const worker::TaskType& type, const api::TaskId& id,
                               const storage::Now& now) {
  storage::NewTask task;
  task.id = id;
  task.created_at = now.wall;
  task.priority = request.priority;
  task.max_attempts = request.max_attempts.value_or(type.max_attempts);
  task.timeout = request.timeout ? request.timeout : type.timeout;
  set_start(task, request, now);
  set_deadline(task, request, now);
  set_expiry(task, request, now);
  task.type = std::move(request.type);
  task.payload = std::move(request.payload);
  task.queue = std::move(request.queue);
  task.tags = std::move(request.tags);
  task.callback = std::move(request.callback);
  task.unique_key = std::move(request.unique_key);
  task.cache = std::move(request.cache);
  return task;
}

}  // namespace longhaul::server
