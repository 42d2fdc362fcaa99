#include "storage/sqlite/task_row.h"

#include <sqlite3.h>

#include <array>
#include <memory>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/task_json.h"

namespace longhaul::storage {
namespace {

using api::AttemptOutcome;
using api::StopCause;
using api::TaskSnapshot;

// The columns of task_by_key, in its order.
enum Column : int {
  seq,
  id,
  type,
  queue,
  priority,
  state,
  revision,
  attempt,
  max_attempts,
  token,
  timeout_ms,
  created_at,
  run_at,
  started_at,
  finished_at,
  due_wall,
  due_steady,
  deadline_at,
  deadline_wall,
  deadline_steady,
  expiry_wall,
  expiry_steady,
  stop_cause,
  stop_reason,
  tags,
  error,
  progress_percent,
  progress_message,
  progress_at,
  callback_events,
  is_private,
  fills_cache
};

[[noreturn]] void throw_nonsense(const char* what, std::string_view text) {
  throw SqlError(SQLITE_CORRUPT, std::string("the database holds ") + what + " '" + std::string(text) + "'");
}

std::optional<StopCause> read_stop_cause(const Query& query) {
  if (query.is_null(Column::stop_cause)) return std::nullopt;
  for (const StopCause cause : {StopCause::cancel, StopCause::deadline, StopCause::timeout}) {
    if (query.text(Column::stop_cause) == text_of(cause)) return cause;
  }
  throw_nonsense("the stop cause", query.text(Column::stop_cause));
}

std::optional<api::Progress> read_progress(const Query& query) {
  if (query.is_null(Column::progress_at)) return std::nullopt;
  return api::Progress{query.maybe_real(Column::progress_percent),
                       std::string(query.text(Column::progress_message)), query.wall(Column::progress_at)};
}

void read_times(const Query& query, TaskSnapshot& task) {
  task.created_at = query.wall(Column::created_at);
  task.run_at = query.wall(Column::run_at);
  task.started_at = query.maybe_wall(Column::started_at);
  task.finished_at = query.maybe_wall(Column::finished_at);
  task.deadline_at = query.maybe_wall(Column::deadline_at);
  task.due = query.maybe_due(Column::due_wall, Column::due_steady);
  task.deadline = query.maybe_due(Column::deadline_wall, Column::deadline_steady);
  task.expiry = query.maybe_due(Column::expiry_wall, Column::expiry_steady);
}

TaskSnapshot read_snapshot(const Query& query) {
  TaskSnapshot task;
  task.key = api::TaskKey(query.integer(Column::seq));
  task.id = query.task_id(Column::id);
  task.type = query.text(Column::type);
  task.queue = query.text(Column::queue);
  task.priority = static_cast<int>(query.integer(Column::priority));
  task.state = read_state(query, Column::state);
  task.revision = query.integer(Column::revision);
  task.attempt = static_cast<int>(query.integer(Column::attempt));
  task.max_attempts = static_cast<int>(query.integer(Column::max_attempts));
  task.token = api::AttemptToken(query.integer(Column::token));
  if (const auto timeout = query.maybe_integer(Column::timeout_ms))
    task.timeout = api::Milliseconds(*timeout);
  read_times(query, task);
  task.stop_cause = read_stop_cause(query);
  task.stop_reason = query.maybe_text(Column::stop_reason);
  task.tags = read_tags(query, Column::tags);
  task.callback_events =
      api::WebhookEvents::from_bits(static_cast<std::uint32_t>(query.integer(Column::callback_events)));
  task.is_private = query.integer(Column::is_private) != 0;
  task.fills_cache = query.integer(Column::fills_cache) != 0;
  task.error = read_error(query, Column::error);
  task.progress = read_progress(query);
  return task;
}

}  // namespace

api::TaskSnapshotPtr read_task(Statements& statements, api::TaskKey key) {
  Query query = statements.use("task_by_key");
  if (!query.bind(key).row()) return nullptr;
  TaskSnapshot task = read_snapshot(query);
  if (task.state == api::TaskState::succeeded) {
    Query result = statements.use("result_by_key");
    if (!result.bind(key).row()) throw SqlError(SQLITE_CORRUPT, "a succeeded task without a result");
    task.result = api::RawJson{std::string(result.text(0))};
  }
  return std::make_shared<const TaskSnapshot>(std::move(task));
}

std::optional<api::TaskKey> key_of(Statements& statements, const api::TaskId& id) {
  Query query = statements.use("key_by_id");
  if (!query.bind(id).row()) return std::nullopt;
  return api::TaskKey(query.integer(0));
}

Tags read_tags(const Query& query, int column) {
  Tags tags;
  if (query.is_null(column)) return tags;
  for (const auto& [name, value] : api::members_of(api::RawJson{std::string(query.text(column))})) {
    tags.emplace_back(name, api::string_of(value).value_or(""));
  }
  return tags;
}

std::optional<std::string> tags_text(const Tags& tags) {
  if (tags.empty()) return std::nullopt;
  api::JsonWriter json;
  json.begin_object();
  for (const auto& [name, value] : tags) json.key(name).string(value);
  json.end_object();
  return json.take();
}

std::string_view text_of(StopCause cause) {
  switch (cause) {
    case StopCause::cancel: return "cancel";
    case StopCause::deadline: return "deadline";
    case StopCause::timeout: return "timeout";
  }
  return "cancel";
}

std::optional<std::string> error_text(const std::optional<api::TaskError>& error) {
  if (!error) return std::nullopt;
  return api::error_json(*error);
}

std::optional<api::TaskError> read_error(const Query& query, int column) {
  if (query.is_null(column)) return std::nullopt;
  auto error = api::parse_error_json(query.text(column));
  if (!error) throw_nonsense("the error", query.text(column));
  return error;
}

AttemptOutcome read_outcome(const Query& query, int column) {
  for (const AttemptOutcome outcome :
       {AttemptOutcome::running, AttemptOutcome::succeeded, AttemptOutcome::failed, AttemptOutcome::timed_out,
        AttemptOutcome::cancelled, AttemptOutcome::lost, AttemptOutcome::released}) {
    if (query.text(column) == api::to_text(outcome)) return outcome;
  }
  throw_nonsense("the attempt outcome", query.text(column));
}

api::TaskState read_state(const Query& query, int column) {
  const auto state = api::parse_task_state(query.text(column));
  if (!state) throw_nonsense("the task state", query.text(column));
  return *state;
}

}  // namespace longhaul::storage
