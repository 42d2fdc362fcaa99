// The changes of a task's state, each by name: asks the one table (api/task_state.h) where it leads, runs the
// guarded statement, and gives the task as it is then. The revision grows by one with each.
//
// The caller has seen to it that the table allows the change; else this is our mistake and throws
// std::logic_error. A statement that does not find its row throws SqlError. Both undo the whole transaction.
// Belongs to the writer's thread.
#pragma once

#include <optional>
#include <string>

#include "storage/sqlite/write_transaction.h"

namespace longhaul::storage {

using api::TaskSnapshot;

// scheduled -> queued
TaskSnapshotPtr become_due(WriteTransaction& transaction, const TaskSnapshot& task);
// queued -> running: counts the attempt, makes its record and token, ends the expiry.
TaskSnapshotPtr start_attempt(WriteTransaction& transaction, const TaskSnapshot& task,
                              const std::string& worker);
// running -> succeeded
TaskSnapshotPtr succeed(WriteTransaction& transaction, const TaskSnapshot& task, const RawJson& result);
// running -> failed
TaskSnapshotPtr fail(WriteTransaction& transaction, const TaskSnapshot& task, const api::TaskError& error);
// running -> scheduled, due after `backoff`
TaskSnapshotPtr retry_later(WriteTransaction& transaction, const TaskSnapshot& task, Milliseconds backoff);
// running -> queued, the attempt refunded, its token not
TaskSnapshotPtr give_back(WriteTransaction& transaction, const TaskSnapshot& task);
// running -> cancelling
TaskSnapshotPtr ask_to_stop(WriteTransaction& transaction, const TaskSnapshot& task, api::StopCause cause,
                            const std::optional<std::string>& reason);
// cancelling -> cancelled or timed_out, by the cause
TaskSnapshotPtr end_stopped(WriteTransaction& transaction, const TaskSnapshot& task,
                            const api::TaskError& error);
// waiting -> cancelled or timed_out, by the event (cancel_waiting or expire_waiting)
TaskSnapshotPtr end_waiting(WriteTransaction& transaction, const TaskSnapshot& task, api::TaskEvent event,
                            const api::TaskError& error);

// What a user's retry renews.
struct Renewal {
  std::optional<WallTime> deadline_at;
  std::optional<api::Due> deadline;
  std::optional<Milliseconds> relative_deadline;
  std::optional<SteadyTime> expiry;
};
// failed, cancelled, timed_out -> queued, with a fresh budget of attempts
TaskSnapshotPtr reopen(WriteTransaction& transaction, const TaskSnapshot& task, const Renewal& renewal);

// Where an ending attempt that was asked to stop leads.
[[nodiscard]] api::TaskEvent event_of_stop(api::StopCause cause);

}  // namespace longhaul::storage
