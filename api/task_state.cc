#include "api/task_state.h"

#include <array>

namespace longhaul::api {
namespace {

constexpr std::array<std::string_view, task_state_count> state_names = {
    "scheduled", "queued", "running",   "paused",   "cancelling",
    "succeeded", "failed", "cancelled", "timed_out"};

using S = TaskState;
using E = TaskEvent;

constexpr Transition table[] = {
    {S::scheduled, E::become_due, S::queued, "its time has come"},
    {S::queued, E::claim, S::running, "a worker took it"},
    {S::running, E::succeed, S::succeeded, "the attempt succeeded"},
    {S::running, E::fail, S::failed, "failed for good, or out of attempts"},
    {S::running, E::retry_later, S::scheduled, "the attempt failed; the next one waits for its backoff"},
    {S::running, E::give_back, S::queued, "handed back unrun; the attempt does not count"},
    {S::running, E::ask_to_stop, S::cancelling, "cancel, deadline or last timeout"},
    {S::cancelling, E::stopped_cancelled, S::cancelled, "it has stopped after a cancel"},
    {S::cancelling, E::stopped_timed_out, S::timed_out, "it has stopped after a deadline or timeout"},
    {S::scheduled, E::cancel_waiting, S::cancelled, "cancelled before an attempt"},
    {S::queued, E::cancel_waiting, S::cancelled, "cancelled before an attempt"},
    {S::paused, E::cancel_waiting, S::cancelled, "cancelled before an attempt"},
    {S::scheduled, E::expire_waiting, S::timed_out, "deadline or expiry before an attempt"},
    {S::queued, E::expire_waiting, S::timed_out, "deadline or expiry before an attempt"},
    {S::paused, E::expire_waiting, S::timed_out, "deadline or expiry before an attempt"},
    {S::failed, E::retry_by_user, S::queued, "a user's retry"},
    {S::cancelled, E::retry_by_user, S::queued, "a user's retry"},
    {S::timed_out, E::retry_by_user, S::queued, "a user's retry"},
};

}  // namespace

std::string_view to_text(TaskState state) { return state_names[static_cast<std::size_t>(state)]; }

std::optional<TaskState> parse_task_state(std::string_view text) {
  for (std::size_t i = 0; i < state_names.size(); ++i) {
    if (state_names[i] == text) return static_cast<TaskState>(i);
  }
  return std::nullopt;
}

std::span<const Transition> transitions() { return table; }

std::optional<TaskState> next_state(TaskState from, TaskEvent event) {
  for (const Transition& row : table) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

}  // namespace longhaul::api
