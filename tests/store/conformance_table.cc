// Every event tried on a task in every state, against the one table of transitions: what it allows happens,
// what it does not allow changes nothing.
#include <doctest/doctest.h>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

using api::TaskEvent;

// A new task, brought into `state`; into `cancelling` for `cause`. No call of the port leads to `paused` yet.
TaskSnapshotPtr task_in(StoreFixture& fixture, TaskState state,
                        api::StopCause cause = api::StopCause::cancel) {
  NewTask order = fixture.order();
  order.max_attempts = 2;
  if (state == TaskState::scheduled) order.due = api::Due(fixture.store().now().steady + 1h);
  const TaskSnapshotPtr task = fixture.add(order);
  if (state == TaskState::scheduled || state == TaskState::queued) return task;
  if (state == TaskState::cancelled) return fixture.cancel(task).task;
  const TaskSnapshotPtr running = fixture.start(task);
  switch (state) {
    case TaskState::running: return running;
    case TaskState::cancelling: return fixture.stop_attempt(running, cause).task;
    case TaskState::succeeded: return fixture.finish(running, AttemptOutcome::succeeded).task;
    case TaskState::failed: return fixture.finish(running, AttemptOutcome::failed, false).task;
    case TaskState::timed_out: return fixture.finish(running, AttemptOutcome::timed_out, false).task;
    default: FAIL("no way to this state");
  }
  return nullptr;
}

// The call of the port that stands for the event. A deadline is an event of its own, made by time passing,
// and comes with the order: see `deadline_of`.
void attempt_event(StoreFixture& fixture, const TaskSnapshotPtr& task, TaskEvent event) {
  switch (event) {
    case TaskEvent::become_due:
      fixture.clock.advance(2h);
      fixture.sweep();
      break;
    case TaskEvent::claim: fixture.claim(task); break;
    case TaskEvent::succeed: fixture.finish(task, AttemptOutcome::succeeded); break;
    case TaskEvent::fail: fixture.finish(task, AttemptOutcome::failed, false); break;
    case TaskEvent::retry_later: fixture.finish(task, AttemptOutcome::failed, true); break;
    case TaskEvent::give_back: fixture.finish(task, AttemptOutcome::released); break;
    case TaskEvent::ask_to_stop: fixture.stop_attempt(task, api::StopCause::timeout); break;
    case TaskEvent::stopped_cancelled:
    case TaskEvent::stopped_timed_out: fixture.finish(task, AttemptOutcome::cancelled, false); break;
    case TaskEvent::cancel_waiting: fixture.cancel(task); break;
    case TaskEvent::expire_waiting: break;  // conformance_time.cc
    case TaskEvent::retry_by_user: fixture.retry(task); break;
  }
}

// What the call that stands for `event` comes to in another state than the one it is meant for: ends of
// attempts are one call, and so are cancels.
bool means_another_event(TaskState state, TaskEvent event) {
  const bool ends_attempt = event == TaskEvent::succeed || event == TaskEvent::fail ||
                            event == TaskEvent::retry_later || event == TaskEvent::give_back ||
                            event == TaskEvent::stopped_cancelled || event == TaskEvent::stopped_timed_out;
  return (ends_attempt && api::is_active(state)) ||
         (event == TaskEvent::cancel_waiting && state == TaskState::running);
}

}  // namespace

TEST_CASE_TEMPLATE("every event from every state does what the table says", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int s = 0; s < api::task_state_count; ++s) {
    const auto state = static_cast<TaskState>(s);
    if (state == TaskState::paused) continue;
    for (int e = 0; e < api::task_event_count; ++e) {
      const auto event = static_cast<TaskEvent>(e);
      if (event == TaskEvent::expire_waiting) continue;
      const bool times_out = event == TaskEvent::stopped_timed_out;
      const TaskSnapshotPtr task =
          task_in(fixture, state, times_out ? api::StopCause::timeout : api::StopCause::cancel);
      CAPTURE(api::to_text(state));
      CAPTURE(e);
      REQUIRE(task->state == state);
      attempt_event(fixture, task, event);
      const TaskSnapshotPtr after = fixture.find(task);
      const auto allowed = api::next_state(state, event);
      if (allowed) {
        CHECK(after->state == *allowed);
        CHECK(after->revision == task->revision + 1);
      } else if (!means_another_event(state, event)) {
        CHECK(describe(*after) == describe(*task));
      }
    }
  }
}

TEST_CASE_TEMPLATE("a task that is over stays as it is, whatever comes", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (const TaskState state :
       {TaskState::succeeded, TaskState::failed, TaskState::cancelled, TaskState::timed_out}) {
    const TaskSnapshotPtr task = task_in(fixture, state);
    for (int e = 0; e < api::task_event_count; ++e) {
      const auto event = static_cast<TaskEvent>(e);
      if (event != TaskEvent::retry_by_user) attempt_event(fixture, task, event);
    }
    CHECK(describe(*fixture.find(task)) == describe(*task));
  }
}

}  // namespace longhaul::tests
