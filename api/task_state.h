// The states of a task and the one table of how it may move between them. Storage guards each change by this
// table, tests try every event from every state against it, and the API page prints it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace longhaul::api {

enum class TaskState : std::uint8_t {
  scheduled,   // not due yet: a future run_at, or waiting for its next attempt
  queued,      // due
  running,     // in an attempt
  paused,      // held by a user
  cancelling,  // told to stop, not yet gone
  succeeded,
  failed,
  cancelled,
  timed_out,
};
inline constexpr int task_state_count = 9;

[[nodiscard]] std::string_view to_text(TaskState state);
[[nodiscard]] std::optional<TaskState> parse_task_state(std::string_view text);

// Final states are for good; only a user's retry opens `failed`, `cancelled` and `timed_out` again.
[[nodiscard]] constexpr bool is_final(TaskState state) {
  return state == TaskState::succeeded || state == TaskState::failed || state == TaskState::cancelled ||
         state == TaskState::timed_out;
}
// Waiting states hold no worker.
[[nodiscard]] constexpr bool is_waiting(TaskState state) {
  return state == TaskState::scheduled || state == TaskState::queued || state == TaskState::paused;
}
// In an attempt: a worker has it.
[[nodiscard]] constexpr bool is_active(TaskState state) {
  return state == TaskState::running || state == TaskState::cancelling;
}

// What can happen to a task.
enum class TaskEvent : std::uint8_t {
  become_due,         // its time has come
  claim,              // a worker takes it: the attempt is counted, the fencing token made
  succeed,            // the attempt succeeded
  fail,               // the attempt failed for good, or was the last one
  retry_later,        // the attempt failed, timed out or lost its worker; attempts are left
  give_back,          // drain or release: the attempt is refunded
  ask_to_stop,        // cancel, deadline or last timeout of a task in an attempt
  stopped_cancelled,  // it has stopped; the first cause was a cancel
  stopped_timed_out,  // it has stopped; the first cause was a deadline or timeout
  cancel_waiting,     // cancel before an attempt
  expire_waiting,     // deadline or expiry before an attempt
  retry_by_user,      // a user opens it again, with a fresh budget of attempts
};
inline constexpr int task_event_count = 12;

struct Transition {
  TaskState from;
  TaskEvent event;
  TaskState to;
  std::string_view why;
};

// Every allowed change, and no other.
[[nodiscard]] std::span<const Transition> transitions();

// Where `event` leads from `from`, or nothing when it is not allowed.
[[nodiscard]] std::optional<TaskState> next_state(TaskState from, TaskEvent event);

}  // namespace longhaul::api
