#include "storage/sqlite/transitions.h"

#include <stdexcept>

#include "storage/sqlite/task_row.h"

namespace longhaul::storage {
namespace {

using api::TaskError;
using api::TaskEvent;

// The task after `event`: its state by the table, its revision one higher.
TaskSnapshot moved(const TaskSnapshot& task, TaskEvent event) {
  const auto to = api::next_state(task.state, event);
  if (!to) throw std::logic_error("a change that the table of states does not allow");
  TaskSnapshot next = task;
  next.state = *to;
  next.revision = task.revision + 1;
  return next;
}

void finish(TaskSnapshot& task, WallTime at) {
  task.finished_at = at;
  task.due.reset();
  task.deadline.reset();
  task.expiry.reset();
  task.stop_cause.reset();
  task.stop_reason.reset();
}

TaskSnapshotPtr end_running(WriteTransaction& transaction, const TaskSnapshot& task, TaskSnapshot next) {
  finish(next, transaction.now().wall);
  const auto error = error_text(next.error);
  transaction.use("end_running")
      .bind(next.state, next.finished_at, error, task.key, task.token)
      .run_guarded();
  return transaction.change(task.state, std::move(next));
}

}  // namespace

TaskSnapshotPtr become_due(WriteTransaction& transaction, const TaskSnapshot& task) {
  TaskSnapshot next = moved(task, TaskEvent::become_due);
  next.due.reset();
  transaction.use("become_due").bind(task.key).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskSnapshotPtr start_attempt(WriteTransaction& transaction, const TaskSnapshot& task,
                              const std::string& worker) {
  TaskSnapshot next = moved(task, TaskEvent::claim);
  const WallTime now = transaction.now().wall;
  next.attempt = task.attempt + 1;
  const bool is_first_claim = !next.started_at;
  if (is_first_claim) next.started_at = now;
  next.expiry.reset();
  next.progress.reset();
  {
    Query attempt = transaction.use("insert_attempt");
    attempt.bind(task.key, next.attempt, now, worker).run();
    next.token = AttemptToken(attempt.inserted_key());
  }
  transaction.use("start_attempt").bind(next.token, next.started_at, task.key).run_guarded();
  return transaction.change(task.state, std::move(next), is_first_claim);
}

TaskSnapshotPtr succeed(WriteTransaction& transaction, const TaskSnapshot& task, const RawJson& result) {
  TaskSnapshot next = moved(task, TaskEvent::succeed);
  next.result = result;
  transaction.use("insert_result").bind(task.key, result.text).run();
  return end_running(transaction, task, std::move(next));
}

TaskSnapshotPtr fail(WriteTransaction& transaction, const TaskSnapshot& task, const TaskError& error) {
  TaskSnapshot next = moved(task, TaskEvent::fail);
  next.error = error;
  return end_running(transaction, task, std::move(next));
}

TaskSnapshotPtr retry_later(WriteTransaction& transaction, const TaskSnapshot& task, Milliseconds backoff) {
  TaskSnapshot next = moved(task, TaskEvent::retry_later);
  const SteadyTime due = transaction.now().steady + backoff;
  next.due = due;
  next.run_at = transaction.now().wall + backoff;
  transaction.use("retry_later").bind(due, next.run_at, task.key, task.token).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskSnapshotPtr give_back(WriteTransaction& transaction, const TaskSnapshot& task) {
  TaskSnapshot next = moved(task, TaskEvent::give_back);
  next.attempt = task.attempt - 1;
  transaction.use("give_back").bind(task.key, task.token).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskSnapshotPtr ask_to_stop(WriteTransaction& transaction, const TaskSnapshot& task, api::StopCause cause,
                            const std::optional<std::string>& reason) {
  TaskSnapshot next = moved(task, TaskEvent::ask_to_stop);
  next.stop_cause = cause;
  next.stop_reason = reason;
  next.deadline.reset();
  transaction.use("ask_to_stop").bind(text_of(cause), reason, task.key, task.token).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskEvent event_of_stop(api::StopCause cause) {
  return cause == api::StopCause::cancel ? TaskEvent::stopped_cancelled : TaskEvent::stopped_timed_out;
}

TaskSnapshotPtr end_stopped(WriteTransaction& transaction, const TaskSnapshot& task, const TaskError& error) {
  TaskSnapshot next = moved(task, event_of_stop(task.stop_cause.value()));
  finish(next, transaction.now().wall);
  next.error = error;
  const auto text = error_text(next.error);
  transaction.use("end_stopped").bind(next.state, next.finished_at, text, task.key, task.token).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskSnapshotPtr end_waiting(WriteTransaction& transaction, const TaskSnapshot& task, TaskEvent event,
                            const TaskError& error) {
  TaskSnapshot next = moved(task, event);
  finish(next, transaction.now().wall);
  next.error = error;
  const auto text = error_text(next.error);
  transaction.use("end_waiting").bind(next.state, next.finished_at, text, task.key, task.state).run_guarded();
  return transaction.change(task.state, std::move(next));
}

TaskSnapshotPtr reopen(WriteTransaction& transaction, const TaskSnapshot& task, const Renewal& renewal) {
  TaskSnapshot next = moved(task, TaskEvent::retry_by_user);
  next.attempt = 0;
  next.run_at = transaction.now().wall;
  next.started_at.reset();
  next.finished_at.reset();
  next.error.reset();
  next.progress.reset();
  next.is_private = false;
  next.deadline_at = renewal.deadline_at;
  next.deadline = renewal.deadline;
  next.expiry = renewal.expiry;
  transaction.use("reopen")
      .bind(next.run_at, next.deadline_at, wall_part(next.deadline), steady_part(next.deadline),
            renewal.relative_deadline, renewal.expiry, task.key, task.state)
      .run_guarded();
  return transaction.change(task.state, std::move(next));
}

}  // namespace longhaul::storage
