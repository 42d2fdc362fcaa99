#include "storage/sqlite/requests/steering.h"

#include "storage/sqlite/overdue.h"
#include "storage/sqlite/task_errors.h"

namespace longhaul::storage {
namespace {

using api::next_state;
using api::TaskEvent;

CancelVerdict verdict_without_change(TaskState state) {
  if (state == TaskState::cancelling) return CancelVerdict::cancelling;
  if (state == TaskState::cancelled) return CancelVerdict::already_cancelled;
  return CancelVerdict::already_final;
}

}  // namespace

void CancelRequest::apply(WriteTransaction& transaction) {
  const TaskSnapshotPtr task = transaction.find(id_);
  const std::optional<std::string> reason = reason_.empty() ? std::nullopt : std::optional(reason_);
  if (!task) {
    outcome_ = {CancelVerdict::unknown, nullptr};
  } else if (next_state(task->state, TaskEvent::cancel_waiting)) {
    outcome_ = {CancelVerdict::cancelled_now,
                end_waiting(transaction, *task, TaskEvent::cancel_waiting, cancelled_error(reason))};
  } else if (next_state(task->state, TaskEvent::ask_to_stop)) {
    outcome_ = {CancelVerdict::cancelling, ask_to_stop(transaction, *task, api::StopCause::cancel, reason)};
  } else {
    outcome_ = {verdict_without_change(task->state), task};
  }
}

void RetryRequest::apply(WriteTransaction& transaction) {
  const TaskSnapshotPtr task = transaction.find(order_.id);
  if (!task || !next_state(task->state, TaskEvent::retry_by_user)) {
    outcome_ = {task ? RetryVerdict::not_retryable : RetryVerdict::unknown, task};
    return;
  }
  const Renewal renewal = renew(transaction, *task);
  if (has_passed(renewal.deadline, transaction.now())) {
    outcome_ = {RetryVerdict::deadline_passed, task};
    return;
  }
  outcome_ = {RetryVerdict::retried, reopen(transaction, *task, renewal)};
}

// Relative deadlines start anew; a date stays the date it was, unless the order gives another.
Renewal RetryRequest::renew(WriteTransaction& transaction, const api::TaskSnapshot& task) const {
  const Now now = transaction.now();
  Query kept = transaction.use("budget_by_key");
  std::optional<Milliseconds> relative_deadline = order_.deadline;
  Renewal renewal;
  if (kept.bind(task.key).row()) {
    const auto deadline_ms = kept.maybe_integer(0);
    const auto expiry_ms = kept.maybe_integer(1);
    if (!order_.deadline && !order_.deadline_at && deadline_ms)
      relative_deadline = Milliseconds(*deadline_ms);
    if (expiry_ms) renewal.expiry = now.steady + Milliseconds(*expiry_ms);
  }
  if (relative_deadline) {
    renewal.relative_deadline = relative_deadline;
    renewal.deadline_at = now.wall + *relative_deadline;
    renewal.deadline = now.steady + *relative_deadline;
  } else if (const auto date = order_.deadline_at ? order_.deadline_at : task.deadline_at) {
    renewal.deadline_at = date;
    renewal.deadline = *date;
  }
  return renewal;
}

}  // namespace longhaul::storage
