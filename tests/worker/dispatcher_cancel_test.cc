// Cancel at every moment of an attempt.
#include <doctest/doctest.h>

#include "api/task_error.h"
#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::AttemptOutcome;
using storage::CancelVerdict;
using tests::DispatcherFixture;
using tests::TaskState;
using S = TaskState;

TEST_CASE("dispatcher: a cancelled attempt is told to stop, and counts as cancelled when it has") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelling);
  fixture.commands.wait_for_stop(token);
  fixture.settle();
  CHECK(fixture.history.states_of(task->id).back() == S::cancelling);
  CHECK(fixture.dispatcher().load_of_queue("default").running == 1);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelling);

  AttemptOutcome expected = AttemptOutcome::cancelled;
  SUBCASE("killed") { fixture.commands.fail(token); }
  SUBCASE("its worker died") { fixture.commands.lose(token); }
  SUBCASE("a late success is kept in the history only") {
    fixture.commands.succeed(token, "42");
    expected = AttemptOutcome::succeeded;
  }
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::cancelled);
  CHECK(end->error->code == api::task_error::cancelled);
  CHECK(end->error->reason == "because");
  CHECK_FALSE(end->result.has_value());
  CHECK(fixture.detail(task).attempts.at(0).outcome == expected);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::already_cancelled);
  fixture.settle();
  CHECK(fixture.dispatcher().load_of_queue("default").running == 0);
}

TEST_CASE("dispatcher: a cancel of what has finished is refused") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  fixture.commands.succeed(fixture.commands.wait_for_begin(task->id));
  fixture.history.wait_for_state(task->id, S::succeeded);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::already_final);
}

TEST_CASE("dispatcher: a cancel during a timeout with attempts left: it is not tried again") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 1'000ms;
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  fixture.advance(1'000ms);
  fixture.commands.wait_for_stop(token);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelling);
  fixture.commands.lose(token);
  CHECK(fixture.history.wait_for_end(task->id)->state == S::cancelled);
}

TEST_CASE("dispatcher: a cancel of the last attempt after its timeout: the first cause stays") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 1'000ms;
  order.max_attempts = 1;
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  fixture.advance(1'000ms);
  fixture.commands.wait_for_stop(token);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelling);
  fixture.commands.lose(token);
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::timed_out);
  CHECK(end->error->code == api::task_error::attempt_timed_out);
}

TEST_CASE("dispatcher: a cancel between the claim and the beginning: it never begins, or is told to stop") {
  // The cancel stands in the writer's queue when the claim is committed, so that often both are in one
  // commit.
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1'000});
  fixture.start_dispatcher();
  std::vector<api::TaskId> ids;
  for (int i = 0; i < 500; ++i) {
    const auto order = fixture.order();
    ids.push_back(order.id);
    fixture.store().enqueue(order,
                            [&fixture, id = order.id](auto) { fixture.store().cancel(id, "", [](auto) {}); });
  }
  std::size_t ended = 0;
  for (const auto& id : ids) {
    // Waiting ones are gone at once; the others are told to stop, and go.
    fixture.history.wait_until(id, [](const api::TaskSnapshot& task) {
      return task.state == S::cancelled || task.state == S::cancelling;
    });
  }
  while (ended < ids.size()) {
    ended = 0;
    for (const auto& order : fixture.commands.running()) {
      if (fixture.commands.was_stopped(order.token)) fixture.commands.fail(order.token);
    }
    for (const auto& id : ids) ended += fixture.history.states_of(id).back() == S::cancelled ? 1U : 0U;
  }
  fixture.settle();
  CHECK(fixture.dispatcher().load_of_queue("default").running == 0);
}
