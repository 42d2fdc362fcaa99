#include "api/task_state.h"

#include <ostream>
#include <set>

#include <doctest/doctest.h>

using namespace longhaul::api;

namespace {
TaskState state(int i) { return static_cast<TaskState>(i); }
}  // namespace

TEST_CASE("states have names that read back") {
  std::set<std::string_view> names;
  for (int i = 0; i < task_state_count; ++i) {
    names.insert(to_text(state(i)));
    CHECK(parse_task_state(to_text(state(i))) == state(i));
  }
  CHECK(names.size() == task_state_count);
  CHECK_FALSE(parse_task_state(""));
  CHECK_FALSE(parse_task_state("Queued"));
  CHECK_FALSE(parse_task_state("queued "));
}

TEST_CASE("every event from every state leads where the table says, or nowhere") {
  std::size_t allowed = 0;
  for (int s = 0; s < task_state_count; ++s) {
    for (int e = 0; e < task_event_count; ++e) {
      const auto event = static_cast<TaskEvent>(e);
      std::optional<TaskState> expected;
      for (const Transition& row : transitions()) {
        if (row.from == state(s) && row.event == event) {
          CHECK_FALSE(expected);
          expected = row.to;
        }
      }
      CHECK(next_state(state(s), event) == expected);
      allowed += expected ? 1 : 0;
    }
  }
  CHECK(allowed == transitions().size());
}

TEST_CASE("a state is waiting, active or final, and only one of them") {
  for (int i = 0; i < task_state_count; ++i) {
    CHECK((is_waiting(state(i)) ? 1 : 0) + (is_active(state(i)) ? 1 : 0) + (is_final(state(i)) ? 1 : 0) == 1);
  }
}

TEST_CASE("what the contract promises of the table") {
  for (const Transition& row : transitions()) {
    CAPTURE(to_text(row.from));
    CAPTURE(to_text(row.to));
    CHECK_FALSE(row.why.empty());
    CHECK(row.from != row.to);
    // Final is for good, but for a user's retry of what did not succeed.
    if (is_final(row.from)) {
      CHECK(row.event == TaskEvent::retry_by_user);
      CHECK(row.from != TaskState::succeeded);
      CHECK(row.to == TaskState::queued);
    }
    // What is told to stop never comes back to life.
    if (row.from == TaskState::cancelling)
      CHECK((row.to == TaskState::cancelled || row.to == TaskState::timed_out));
    // Work runs only after a claim.
    if (row.to == TaskState::running) CHECK(row.event == TaskEvent::claim);
    if (row.event == TaskEvent::claim) CHECK(row.from == TaskState::queued);
    if (row.to == TaskState::succeeded) CHECK(row.from == TaskState::running);
  }
}
