#include "storage/sqlite/reads.h"

#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/task_row.h"

namespace longhaul::storage {
namespace {

std::vector<api::AttemptRecord> read_attempts(Statements& statements, TaskKey key) {
  std::vector<api::AttemptRecord> attempts;
  Query query = statements.use("attempts_of_task");
  query.bind(key);
  while (query.row()) {
    api::AttemptRecord attempt;
    attempt.token = AttemptToken(query.integer(0));
    attempt.attempt = static_cast<int>(query.integer(1));
    attempt.started_at = query.wall(2);
    attempt.finished_at = query.maybe_wall(3);
    attempt.outcome = read_outcome(query, 4);
    attempt.error = read_error(query, 5);
    attempt.worker = query.text(6);
    attempt.exit_code = query.maybe_int(7);
    attempt.signal = query.maybe_int(8);
    attempt.use = {query.maybe_integer(9), query.maybe_real(10)};
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

}  // namespace

TaskSnapshotPtr read_task_by_id(Statements& statements, const TaskId& id) {
  const auto key = key_of(statements, id);
  return key ? read_task(statements, *key) : nullptr;
}

std::optional<api::TaskDetail> read_detail(Statements& statements, const TaskId& id) {
  const TaskSnapshotPtr task = read_task_by_id(statements, id);
  if (!task) return std::nullopt;
  api::TaskDetail detail{
      *task, {}, read_attempts(statements, task->key), count_deliveries_of(statements, task->key)};
  Query input = statements.use("input_by_key");
  if (input.bind(task->key).row()) detail.payload.text = input.text(0);
  return detail;
}

std::optional<api::LogPage> read_logs(Statements& statements, const TaskId& id, std::int64_t after,
                                      std::size_t limit) {
  const auto key = key_of(statements, id);
  if (!key) return std::nullopt;
  api::LogPage page;
  Query totals = statements.use("log_totals");
  if (totals.bind(*key).row()) page.truncated = totals.integer(2) != 0;
  Query lines = statements.use("log_lines");
  lines.bind(*key, after, static_cast<std::int64_t>(limit));
  while (lines.row()) {
    page.lines.push_back(
        {lines.integer(0), lines.wall(1), std::string(lines.text(2)), std::string(lines.text(3))});
  }
  return page;
}

std::vector<OpenAttempt> read_open_attempts(Statements& statements) {
  std::vector<OpenAttempt> open;
  Query query = statements.use("open_attempts");
  query.bind();
  while (query.row()) {
    OpenAttempt attempt;
    attempt.task = read_task(statements, TaskKey(query.integer(0)));
    attempt.worker = query.text(1);
    if (const auto pid = query.maybe_int(2)) {
      attempt.process = ProcessIdentity{*pid, query.integer(3), std::string(query.text(4))};
    }
    open.push_back(std::move(attempt));
  }
  return open;
}

std::vector<ReadyLane> read_ready_lanes(Statements& statements) {
  std::vector<ReadyLane> lanes;
  Query query = statements.use("ready_lanes");
  query.bind();
  while (query.row())
    lanes.push_back({std::string(query.text(0)), std::string(query.text(1)), query.integer(2)});
  return lanes;
}

}  // namespace longhaul::storage
