// What a new server makes of the old one's leavings.
#include <doctest/doctest.h>

#include "api/task_error.h"
#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::AttemptOutcome;
using tests::DispatcherFixture;
using tests::TaskState;
using S = TaskState;

TEST_CASE("recovery: what ran is lost, and tried again after its backoff") {
  DispatcherFixture fixture;
  fixture.random = 400;
  const auto task = fixture.add();
  const auto claimed = fixture.claim(task);
  fixture.start_dispatcher();
  CHECK(fixture.history.states_of(task->id).back() == S::scheduled);  // before start() returned
  const auto attempt = fixture.detail(task).attempts.at(0);
  CHECK(attempt.outcome == AttemptOutcome::lost);
  CHECK(attempt.error->code == api::task_error::worker_lost);
  CHECK(attempt.error->message == "the server stopped while this attempt ran");
  fixture.settle();
  CHECK(fixture.commands.begun().empty());
  fixture.advance(400ms);
  const auto token = fixture.commands.wait_for_begin(task->id);
  CHECK(token > claimed.task->token);
  CHECK(fixture.commands.order_of(token).attempt == 2);
}

TEST_CASE("recovery: the last attempt was the last one") {
  DispatcherFixture fixture;
  auto order = fixture.order();
  order.max_attempts = 1;
  const auto task = fixture.add(order);
  static_cast<void>(fixture.claim(task));
  fixture.start_dispatcher();
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::failed);
  CHECK(end->error->code == api::task_error::worker_lost);
}

TEST_CASE("recovery: what was being cancelled ends as that") {
  DispatcherFixture fixture;
  const auto cancelled = fixture.add();
  static_cast<void>(fixture.claim(cancelled));
  fixture.cancel(cancelled);
  auto order = fixture.order();
  const auto late = fixture.add(order);
  const auto claimed = fixture.claim(late);
  fixture.store().stop_attempt(late->key, claimed.task->token, api::StopCause::timeout, [](auto) {});
  fixture.history.wait_for_state(late->id, S::cancelling);
  fixture.start_dispatcher();
  CHECK(fixture.history.states_of(cancelled->id).back() == S::cancelled);
  CHECK(fixture.history.states_of(late->id).back() == S::timed_out);
}

TEST_CASE("recovery: deadlines that passed meanwhile are enforced before anything begins") {
  DispatcherFixture fixture;
  auto order = fixture.order();
  order.deadline = api::Due(fixture.store().now().steady + 10s);
  const auto queued = fixture.add(order);
  order.id = fixture.order().id;
  order.due = api::Due(fixture.clock.wall() + 5s);
  const auto scheduled = fixture.add(order);
  order.id = fixture.order().id;
  order.due.reset();
  const auto running = fixture.add(order);
  static_cast<void>(fixture.claim(running));
  fixture.clock.advance(10'000ms);
  fixture.start_dispatcher();
  for (const auto& task : {queued, scheduled, running}) {
    CHECK(fixture.history.states_of(task->id).back() == S::timed_out);
  }
  fixture.settle();
  CHECK(fixture.commands.begun().empty());
}

TEST_CASE("recovery: processes are ended before their attempts are written off") {
  std::vector<worker::Leftover> told;
  DispatcherFixture* house = nullptr;
  TaskState state_then = S::succeeded;
  api::TaskId id;
  DispatcherFixture fixture({.end_leftovers = [&](const std::vector<worker::Leftover>& leftovers) {
    told = leftovers;
    state_then = house->history.states_of(id).back();
    return base::Result<void>();
  }});
  house = &fixture;
  const auto task = fixture.add();
  id = task->id;
  const auto claimed = fixture.claim(task);
  const storage::ProcessIdentity process{1234, 5678, "boot"};
  fixture.store().record_process(task->key, claimed.task->token, process);
  fixture.history.wait_for_end([&] {
    auto other = fixture.order();
    other.type = "unheard-of";
    other.expiry = api::Due(fixture.store().now().steady);
    const auto added = fixture.add(other);  // a commit behind the note above
    fixture.cancel(added);
    return added->id;
  }());
  fixture.start_dispatcher();
  REQUIRE(told.size() == 1);
  CHECK(told[0].id == task->id);
  CHECK(told[0].token == claimed.task->token);
  CHECK(told[0].process == process);
  CHECK(state_then == S::running);
}

TEST_CASE("recovery: a process that cannot be ended stops the start, and nothing is claimed") {
  DispatcherFixture fixture({.end_leftovers = [](const std::vector<worker::Leftover>&) {
    return base::fail("process 17 does not die");
  }});
  const auto open = fixture.add();
  static_cast<void>(fixture.claim(open));
  fixture.add();
  const auto started = fixture.try_start_dispatcher();
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().message == "cannot end what an earlier server left running: process 17 does not die");
  CHECK(fixture.history.states_of(open->id).back() == S::running);
  CHECK(fixture.commands.begun().empty());
}

TEST_CASE("recovery: a store that cannot take it stops the start") {
  DispatcherFixture fixture;
  static_cast<void>(fixture.claim(fixture.add()));
  SUBCASE("ends") { fixture.store().refuse_finishes = 1; }
  SUBCASE("sweeps") { fixture.store().refuse_sweeps = 1; }
  SUBCASE("the queued tasks") {
    fixture.add();
    fixture.store().refuse_loads = 1;
  }
  CHECK_FALSE(fixture.try_start_dispatcher().ok());
}

TEST_CASE("recovery: queued tasks are taken up in order, more than a lane holds too") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {100});  // begun in the order in which they are claimed
  std::vector<api::TaskId> expected;
  for (int i = 0; i < 2'500; ++i) {
    auto order = fixture.order();
    order.priority = -(i / 1'000);
    expected.push_back(order.id);
    fixture.store().enqueue(order, [](auto) {});
  }
  fixture.history.wait_for_state(expected.back(), S::queued);
  fixture.start_dispatcher();
  for (const auto& id : expected) fixture.commands.succeed(fixture.commands.wait_for_begin(id));
  fixture.history.wait_for_state(expected.back(), S::succeeded);
  CHECK(fixture.commands.begun() == expected);
}

TEST_CASE("recovery: what an earlier server has written is known to one that has not seen it") {
  DispatcherFixture fixture;
  const auto queued = fixture.add();
  auto order = fixture.order();
  order.due = api::Due(fixture.store().now().steady + 60s);
  const auto delayed = fixture.add(order);
  order.id = fixture.order().id;
  order.due = api::Due(fixture.clock.wall() + 50s);
  const auto dated = fixture.add(order);
  order.id = fixture.order().id;
  order.deadline = api::Due(fixture.store().now().steady + 40s);
  const auto late = fixture.add(order);
  const auto running = fixture.add();
  static_cast<void>(fixture.claim(running));
  const auto stopping = fixture.add();
  static_cast<void>(fixture.claim(stopping));
  fixture.cancel(stopping);

  fixture.reopen_store();
  fixture.clock.advance(10'000ms);
  fixture.start_dispatcher();
  fixture.commands.wait_for_begin(queued->id);
  fixture.history.wait_for_state(stopping->id, S::cancelled);
  fixture.settle();
  CHECK(fixture.commands.begun() == std::vector{queued->id});
  fixture.advance(1'000ms);
  fixture.commands.wait_for_begin(running->id);
  fixture.advance(29'000ms);
  CHECK(fixture.history.wait_for_end(late->id)->state == S::timed_out);
  fixture.advance(10'000ms);
  fixture.commands.wait_for_begin(dated->id);
  fixture.settle();
  CHECK(fixture.history.states_of(delayed->id).back() == S::scheduled);
  fixture.advance(10'000ms);
  fixture.commands.wait_for_begin(delayed->id);
}

TEST_CASE("recovery: what is due next is known before anything else happens") {
  DispatcherFixture fixture;
  auto order = fixture.order();
  SUBCASE("a delay") { order.due = api::Due(fixture.store().now().steady + 60s); }
  SUBCASE("a date") { order.due = api::Due(fixture.clock.wall() + 60s); }
  const auto task = fixture.add(order);
  fixture.reopen_store();
  fixture.start_dispatcher();
  fixture.advance(60'000ms);
  fixture.commands.wait_for_begin(task->id);
}

TEST_CASE("recovery: many attempts at once, each counted") {
  DispatcherFixture fixture;
  std::vector<tests::TaskSnapshotPtr> tasks;
  for (int i = 0; i < 60; ++i) {
    auto order = fixture.order();
    order.max_attempts = 1 + i % 2;
    tasks.push_back(fixture.add(order));
    static_cast<void>(fixture.claim(tasks.back()));
    if (i % 3 == 0) fixture.cancel(tasks.back());
  }
  fixture.start_dispatcher();
  for (int i = 0; i < 60; ++i) {
    const S expected = i % 3 == 0 ? S::cancelled : i % 2 == 0 ? S::failed : S::scheduled;
    CHECK(fixture.history.states_of(tasks[static_cast<std::size_t>(i)]->id).back() == expected);
  }
}
