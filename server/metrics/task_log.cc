#include "server/metrics/task_log.h"

#include <vector>

#include "base/log.h"

namespace longhaul::server {
namespace {

bool is_worth_a_line(api::TaskState state) {
  return state == api::TaskState::failed || state == api::TaskState::timed_out;
}

}  // namespace

void TaskLog::on_committed(std::span<const storage::TaskChange> changes) {
  if (!base::log_is_on(base::LogLevel::info)) return;
  const bool everything = base::log_is_on(base::LogLevel::debug);
  for (const storage::TaskChange& change : changes) {
    if (everything) write_change(change);
    if (is_worth_a_line(change.task->state)) write_end(*change.task);
  }
}

void TaskLog::write_change(const storage::TaskChange& change) const {
  const api::TaskSnapshot& task = *change.task;
  const std::string id = task.id.text();
  std::vector<base::LogField> fields{
      {"task_id", id},
      {"type", task.type},
      {"queue", task.queue},
      {"from", change.from ? api::to_text(*change.from) : "none"},
      {"to", api::to_text(task.state)},
      {"attempt", task.attempt},
  };
  if (change.ended) fields.push_back({"outcome", api::to_text(*change.ended)});
  base::write_log(base::LogLevel::debug, "task changed", fields);
}

void TaskLog::write_end(const api::TaskSnapshot& task) {
  const auto left_out = ends_.take(clock_.boot());
  if (!left_out) return;
  const std::string id = task.id.text();
  std::vector<base::LogField> fields{
      {"task_id", id},
      {"type", task.type},
      {"queue", task.queue},
      {"attempts", task.attempt},
  };
  if (task.error) {
    fields.push_back({"code", task.error->code});
    if (task.error->exit_code) fields.push_back({"exit_code", *task.error->exit_code});
    if (task.error->signal) fields.push_back({"signal", *task.error->signal});
  }
  if (*left_out > 0) fields.push_back({"not_logged_before", *left_out});
  base::write_log(base::LogLevel::info,
                  task.state == api::TaskState::failed ? "task failed" : "task timed out", fields);
}

}  // namespace longhaul::server
