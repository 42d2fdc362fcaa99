#include "storage/sqlite/requests/attempt.h"

#include "base/log.h"
#include "storage/sqlite/overdue.h"
#include "storage/sqlite/task_errors.h"
#include "storage/sqlite/task_row.h"
#include "storage/sqlite/transitions.h"

namespace longhaul::storage {
namespace {

using api::AttemptOutcome;
using api::next_state;
using api::TaskError;
using api::TaskEvent;

// The token fences: an attempt that has been replaced, ended or given back changes nothing any more.
bool is_current(const TaskSnapshotPtr& task, AttemptToken token) {
  return task && api::is_active(task->state) && task->token == token;
}

std::optional<Claimed> claim_one(WriteTransaction& transaction, const ClaimOrder& order) {
  TaskSnapshotPtr task = transaction.find(order.key);
  if (!task || !next_state(task->state, TaskEvent::claim)) return std::nullopt;
  // Nothing starts after its time, even when the sweep comes later than the worker.
  if (end_if_overdue(transaction, *task)) return std::nullopt;
  Claimed claimed;
  claimed.task = start_attempt(transaction, *task, order.worker);
  Query input = transaction.use("input_by_key");
  if (input.bind(order.key).row()) {
    claimed.payload.text = input.text(0);
    claimed.traceparent = input.text(1);
  }
  return claimed;
}

void end_attempt(WriteTransaction& transaction, const AttemptEnd& end, AttemptOutcome outcome,
                 const std::optional<TaskError>& error) {
  const auto text = error_text(error);
  transaction.use("end_attempt")
      .bind(api::to_text(outcome), transaction.now().wall, text, end.exit_code, end.signal,
            end.use.peak_memory_bytes, end.use.cpu_seconds, end.token)
      .run_guarded();
  transaction.attempt_ends(outcome);
}

TaskSnapshotPtr finish_success(WriteTransaction& transaction, const TaskSnapshot& task,
                               const AttemptEnd& end) {
  end_attempt(transaction, end, AttemptOutcome::succeeded, std::nullopt);
  TaskSnapshotPtr succeeded = succeed(transaction, task, end.result.value_or(RawJson{"null"}));
  if (succeeded->fills_cache) transaction.cached().keep(*succeeded);
  return succeeded;
}

TaskSnapshotPtr finish_failure(WriteTransaction& transaction, const TaskSnapshot& task,
                               const AttemptEnd& end) {
  const TaskError error = error_of(task, end);
  end_attempt(transaction, end, end.outcome, error);
  if (end.retryable && task.attempt < task.max_attempts) return retry_later(transaction, task, end.backoff);
  if (end.outcome != AttemptOutcome::timed_out) return fail(transaction, task, error);
  // A timeout of the last attempt: told to stop, and stopped, in one go.
  const TaskSnapshotPtr stopping = ask_to_stop(transaction, task, api::StopCause::timeout, std::nullopt);
  return end_stopped(transaction, *stopping, error);
}

TaskSnapshotPtr finish_running(WriteTransaction& transaction, const TaskSnapshot& task,
                               const AttemptEnd& end) {
  switch (end.outcome) {
    case AttemptOutcome::succeeded: return finish_success(transaction, task, end);
    case AttemptOutcome::released:
      end_attempt(transaction, end, AttemptOutcome::released, end.error);
      return give_back(transaction, task);
    default: return finish_failure(transaction, task, end);
  }
}

// How the attempt itself ended. A success that came too late is kept here and nowhere else.
AttemptOutcome outcome_of_stopped(const TaskSnapshot& task, AttemptOutcome told) {
  if (told == AttemptOutcome::succeeded || told == AttemptOutcome::lost) return told;
  return task.stop_cause == api::StopCause::cancel ? AttemptOutcome::cancelled : AttemptOutcome::timed_out;
}

TaskSnapshotPtr finish_cancelling(WriteTransaction& transaction, const TaskSnapshot& task,
                                  const AttemptEnd& end) {
  TaskError error = stopped_error(task);
  error.exit_code = end.exit_code;
  error.signal = end.signal;
  const AttemptOutcome outcome = outcome_of_stopped(task, end.outcome);
  std::optional<TaskError> error_of_attempt;
  if (outcome == AttemptOutcome::lost) error_of_attempt = error_of(task, end);
  if (outcome == AttemptOutcome::cancelled || outcome == AttemptOutcome::timed_out) error_of_attempt = error;
  end_attempt(transaction, end, outcome, error_of_attempt);
  return end_stopped(transaction, task, error);
}

}  // namespace

void ClaimRequest::apply(WriteTransaction& transaction) {
  outcome_.clear();
  outcome_.reserve(orders_.size());
  for (const ClaimOrder& order : orders_) outcome_.push_back(claim_one(transaction, order));
}

void RecordProcessRequest::apply(WriteTransaction& transaction) {
  if (!is_current(transaction.find(key_), token_)) return;
  transaction.use("record_process").bind(process_.pid, process_.start_ticks, process_.boot_id, token_).run();
}

void RecordProcessRequest::refuse(const StoreError& error) {
  base::log_warning("the process of an attempt could not be written down", {{"error", error.message}});
}

void StopAttemptRequest::apply(WriteTransaction& transaction) {
  const TaskSnapshotPtr task = transaction.find(key_);
  if (!is_current(task, token_)) {
    outcome_ = {FinishVerdict::refused, task};
    return;
  }
  // Told to stop before: the first cause stays.
  const bool can_be_asked = next_state(task->state, TaskEvent::ask_to_stop).has_value();
  outcome_ = {FinishVerdict::applied,
              can_be_asked ? ask_to_stop(transaction, *task, cause_, std::nullopt) : task};
}

void FinishRequest::apply(WriteTransaction& transaction) {
  const TaskSnapshotPtr task = transaction.find(end_.key);
  if (!is_current(task, end_.token)) {
    outcome_ = {FinishVerdict::refused, task};
    return;
  }
  const bool cancelling = task->state == TaskState::cancelling;
  outcome_ = {FinishVerdict::applied, cancelling ? finish_cancelling(transaction, *task, end_)
                                                 : finish_running(transaction, *task, end_)};
}

}  // namespace longhaul::storage
