// What falls due: starts, deadlines, expiries, on two timelines, through restarts and steps of the wall
// clock.
#include <doctest/doctest.h>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {

TEST_CASE_TEMPLATE("a task that is not due waits for its time", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask by_date = fixture.order();
  by_date.run_at = fixture.clock.wall() + 10s;
  by_date.due = api::Due(by_date.run_at);
  NewTask by_delay = fixture.order();
  by_delay.due = api::Due(fixture.store().now().steady + 20s);
  const TaskSnapshotPtr dated = fixture.add(by_date);
  const TaskSnapshotPtr delayed = fixture.add(by_delay);
  CHECK(dated->state == TaskState::scheduled);
  CHECK_FALSE(fixture.claim(dated));

  SweepOutcome sweep = fixture.sweep();
  CHECK(sweep.next_wall == by_date.run_at);
  CHECK(sweep.next_steady == fixture.store().now().steady + 20s);
  CHECK_FALSE(sweep.more);

  fixture.clock.advance(10s);
  sweep = fixture.sweep();
  CHECK(fixture.find(dated)->state == TaskState::queued);
  CHECK_FALSE(fixture.find(dated)->due);
  CHECK(fixture.find(delayed)->state == TaskState::scheduled);
  CHECK_FALSE(sweep.next_wall);
  fixture.clock.advance(10s);
  sweep = fixture.sweep();
  CHECK(fixture.find(delayed)->state == TaskState::queued);
  CHECK_FALSE(sweep.next_steady);
}

TEST_CASE_TEMPLATE("a step of the wall clock moves dates and not durations", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask by_date = fixture.order();
  by_date.due = api::Due(fixture.clock.wall() + 1h);
  NewTask by_delay = fixture.order();
  by_delay.due = api::Due(fixture.store().now().steady + 1h);
  const TaskSnapshotPtr dated = fixture.add(by_date);
  const TaskSnapshotPtr delayed = fixture.add(by_delay);

  fixture.clock.step_wall(2h);
  fixture.sweep();
  CHECK(fixture.find(dated)->state == TaskState::queued);
  CHECK(fixture.find(delayed)->state == TaskState::scheduled);
  fixture.clock.step_wall(-4h);
  fixture.reopen();  // the same boot: the steady timeline goes on
  fixture.clock.advance(59min);
  fixture.sweep();
  CHECK(fixture.find(delayed)->state == TaskState::scheduled);
  fixture.clock.advance(1min);
  fixture.sweep();
  CHECK(fixture.find(delayed)->state == TaskState::queued);
}

TEST_CASE_TEMPLATE("over a reboot durations go on by the wall clock", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.due = api::Due(fixture.store().now().steady + 1h);
  const TaskSnapshotPtr task = fixture.add(order);
  fixture.clock.reboot(50min);
  fixture.reopen("boot-2");
  CHECK(fixture.store().now().steady.time_since_epoch() == fixture.clock.wall().time_since_epoch());
  fixture.sweep();
  CHECK(fixture.find(task)->state == TaskState::scheduled);
  fixture.clock.advance(10min);
  fixture.sweep();
  CHECK(fixture.find(task)->state == TaskState::queued);
}

TEST_CASE_TEMPLATE("a deadline ends waiting tasks and stops running ones", Engine, STORE_ENGINES) {
  for (const bool by_date : {true, false}) {
    CAPTURE(by_date);
    StoreFixture fixture(std::make_unique<Engine>());
    const auto with_deadline = [&] {
      NewTask order = fixture.order();
      order.max_attempts = 3;
      order.deadline_at = fixture.clock.wall() + 1min;
      order.deadline = by_date ? api::Due(*order.deadline_at) : api::Due(fixture.store().now().steady + 1min);
      return order;
    };
    const TaskSnapshotPtr queued = fixture.add(with_deadline());
    NewTask later = with_deadline();
    later.due = api::Due(fixture.store().now().steady + 1h);
    const TaskSnapshotPtr scheduled = fixture.add(later);
    const TaskSnapshotPtr running = fixture.start(fixture.add(with_deadline()));
    const TaskSnapshotPtr cancelling = fixture.start(fixture.add(with_deadline()));
    fixture.cancel(cancelling, "first");
    const TaskSnapshotPtr done = fixture.start(fixture.add(with_deadline()));
    fixture.finish(done, AttemptOutcome::succeeded);

    const SweepOutcome before = fixture.sweep();
    CHECK(before.next_wall.has_value() == by_date);
    CHECK(before.next_steady.has_value());
    fixture.clock.advance(1min);
    fixture.sweep();
    for (const TaskSnapshotPtr& task : {queued, scheduled}) {
      CHECK(fixture.find(task)->state == TaskState::timed_out);
      CHECK(fixture.find(task)->error.value().code == "DEADLINE_EXCEEDED");
    }
    CHECK(fixture.find(running)->state == TaskState::cancelling);
    CHECK(fixture.find(running)->stop_cause == api::StopCause::deadline);
    CHECK(fixture.find(cancelling)->stop_cause == api::StopCause::cancel);
    CHECK(fixture.find(done)->state == TaskState::succeeded);

    const TaskSnapshotPtr ended = fixture.finish(running, AttemptOutcome::failed).task;
    CHECK(ended->state == TaskState::timed_out);
    CHECK(ended->error.value().code == "DEADLINE_EXCEEDED");
    CHECK_FALSE(fixture.sweep().next_wall);
  }
}

TEST_CASE_TEMPLATE("an expiry counts until the first attempt starts", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto with_expiry = [&] {
    NewTask order = fixture.order();
    order.max_attempts = 3;
    order.expiry = api::Due(fixture.store().now().steady + 1min);
    return order;
  };
  const TaskSnapshotPtr never_started = fixture.add(with_expiry());
  const TaskSnapshotPtr running = fixture.start(fixture.add(with_expiry()));
  const TaskSnapshotPtr retrying = fixture.start(fixture.add(with_expiry()));
  fixture.finish(retrying, AttemptOutcome::failed);
  const TaskSnapshotPtr given_back = fixture.start(fixture.add(with_expiry()));
  fixture.finish(given_back, AttemptOutcome::released);
  CHECK_FALSE(running->expiry);

  fixture.clock.advance(1min);
  fixture.sweep();
  CHECK(fixture.find(never_started)->state == TaskState::timed_out);
  CHECK(fixture.find(never_started)->error.value().code == "EXPIRED_BEFORE_START");
  CHECK(fixture.find(running)->state == TaskState::running);
  CHECK(fixture.find(retrying)->state == TaskState::queued);
  CHECK(fixture.find(given_back)->state == TaskState::queued);
}

TEST_CASE_TEMPLATE("nothing is started after its time, though the sweep comes late", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask expiring = fixture.order();
  expiring.expiry = api::Due(fixture.store().now().steady + 1min);
  NewTask late = fixture.order();
  late.deadline = api::Due(fixture.store().now().steady + 1min);
  NewTask late_too = late;
  late_too.id = fixture.next_id();
  const TaskSnapshotPtr a = fixture.add(expiring);
  const TaskSnapshotPtr b = fixture.add(late);
  const TaskSnapshotPtr in_time = fixture.add(late_too);
  fixture.clock.step_wall(1h);  // its time is a duration
  CHECK(fixture.claim(in_time));
  fixture.clock.advance(1min);
  CHECK_FALSE(fixture.claim(a));
  CHECK_FALSE(fixture.claim(b));
  CHECK(fixture.find(a)->error.value().code == "EXPIRED_BEFORE_START");
  CHECK(fixture.find(b)->error.value().code == "DEADLINE_EXCEEDED");
  CHECK(fixture.detail(a).attempts.empty());
}

TEST_CASE_TEMPLATE("what came first is what ended it, when both have passed", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto add = [&](Milliseconds deadline, Milliseconds expiry) {
    NewTask order = fixture.order();
    order.deadline = api::Due(fixture.store().now().steady + deadline);
    order.expiry = api::Due(fixture.store().now().steady + expiry);
    return fixture.add(order);
  };
  const TaskSnapshotPtr expired = add(2min, 1min);
  const TaskSnapshotPtr late = add(1min, 2min);
  fixture.clock.advance(1h);
  fixture.sweep();
  CHECK(fixture.find(expired)->error.value().code == "EXPIRED_BEFORE_START");
  CHECK(fixture.find(late)->error.value().code == "DEADLINE_EXCEEDED");
}

TEST_CASE_TEMPLATE("a sweep works in slices and says when there is more", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  constexpr int tasks = 450;
  std::vector<Answer<EnqueueOutcome>> answers(tasks);
  for (int i = 0; i < tasks; ++i) {
    NewTask order = fixture.order();
    order.due = api::Due(fixture.store().now().steady + std::chrono::milliseconds(1 + i));
    fixture.store().enqueue(order, answers[static_cast<std::size_t>(i)].done());
  }
  for (auto& answer : answers) CHECK(answer.wait().ok());
  fixture.clock.advance(1s);
  int slices = 1;
  while (fixture.sweep().more) ++slices;
  CHECK(slices > 1);
  CHECK(fixture.store().counts().by_state[TaskState::queued] == tasks);
}

}  // namespace longhaul::tests
