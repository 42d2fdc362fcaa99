#include "storage/sqlite/overdue.h"

#include "storage/sqlite/task_errors.h"
#include "storage/sqlite/transitions.h"

namespace longhaul::storage {
namespace {

// When both have passed (the server was down, say), the task ended by what came first. Times of different
// timelines do not compare; then it is the deadline, which says more.
bool expired_first(const TaskSnapshot& task, const Now& now) {
  if (!has_passed(task.expiry, now)) return false;
  if (!has_passed(task.deadline, now)) return true;
  return task.expiry->index() == task.deadline->index() && *task.expiry < *task.deadline;
}

}  // namespace

bool has_passed(const std::optional<api::Due>& due, const Now& now) {
  if (!due) return false;
  if (const WallTime* at = std::get_if<WallTime>(&*due)) return *at <= now.wall;
  return std::get<SteadyTime>(*due) <= now.steady;
}

TaskSnapshotPtr end_if_overdue(WriteTransaction& transaction, const TaskSnapshot& task) {
  const Now now = transaction.now();
  if (!has_passed(task.deadline, now) && !has_passed(task.expiry, now)) return nullptr;
  if (api::next_state(task.state, api::TaskEvent::expire_waiting)) {
    return end_waiting(transaction, task, api::TaskEvent::expire_waiting,
                       expired_first(task, now) ? expiry_error() : deadline_error());
  }
  if (!has_passed(task.deadline, now) || !api::next_state(task.state, api::TaskEvent::ask_to_stop))
    return nullptr;
  return ask_to_stop(transaction, task, api::StopCause::deadline, std::nullopt);
}

}  // namespace longhaul::storage
