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
  } else if (only_if_private_ && !task->is_private && !api::is_final(task->state)) {
    outcome_ = {CancelVerdict::shared, task};
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
  const Kept kept = read_kept(transaction, task->key);
  const Renewal renewal = renew(transaction.now(), kept, *task);
  if (has_passed(renewal.deadline, transaction.now())) {
    outcome_ = {RetryVerdict::deadline_passed, task};
    return;
  }
  if (kept.unique_key) {
    if (TaskSnapshotPtr holder = transaction.find_holder(task->type, *kept.unique_key)) {
      outcome_ = {RetryVerdict::unique_key_taken, task, std::move(holder)};
      return;
    }
  }
  outcome_ = {RetryVerdict::retried, reopen(transaction, *task, renewal)};
}

RetryRequest::Kept RetryRequest::read_kept(WriteTransaction& transaction, TaskKey key) {
  Kept kept;
  Query query = transaction.use("renewal_by_key");
  if (!query.bind(key).row()) return kept;
  if (const auto deadline = query.maybe_integer(0)) kept.relative_deadline = Milliseconds(*deadline);
  if (const auto expiry = query.maybe_integer(1)) kept.relative_expiry = Milliseconds(*expiry);
  kept.unique_key = query.maybe_text(2);
  return kept;
}

// Relative deadlines start anew; a date stays the date it was, unless the order gives another.
Renewal RetryRequest::renew(const Now& now, const Kept& kept, const api::TaskSnapshot& task) const {
  Renewal renewal;
  if (kept.relative_expiry) renewal.expiry = now.steady + *kept.relative_expiry;
  std::optional<Milliseconds> relative_deadline = order_.deadline;
  if (!order_.deadline && !order_.deadline_at) relative_deadline = kept.relative_deadline;
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
