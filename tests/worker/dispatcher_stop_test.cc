// The end of a server, and a store that refuses.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "api/task_error.h"
#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::AttemptOutcome;
using tests::DispatcherFixture;
using tests::TaskState;
using S = TaskState;

TEST_CASE("stop: what runs is stopped and given back, refunded; what waits stays") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {2});
  fixture.start_dispatcher();
  const auto first = fixture.add();
  const auto second = fixture.add();
  const auto waiting = fixture.add();
  const auto token = fixture.commands.wait_for_begin(first->id);
  const auto other = fixture.commands.wait_for_begin(second->id);
  std::jthread stopping([&] { fixture.stop_dispatcher(); });
  fixture.commands.wait_for_stop(token);
  fixture.commands.wait_for_stop(other);
  fixture.commands.lose(token);
  fixture.commands.succeed(other);  // told to stop: what a program says then is not a result
  stopping.join();
  for (const auto& task : {first, second}) {
    const auto given_back = fixture.store().find(task->id).value();
    CHECK(given_back->state == S::queued);
    CHECK(given_back->attempt == 0);
    CHECK(fixture.detail(task).attempts.at(0).outcome == AttemptOutcome::released);
  }
  CHECK(fixture.history.states_of(waiting->id).back() == S::queued);
  CHECK(fixture.commands.begun().size() == 2);
}

TEST_CASE("stop: what is being cancelled ends as that, and what has finished as it is") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto cancelled = fixture.add();
  auto order = fixture.order();
  order.timeout = 1'000ms;
  const auto late = fixture.add(order);
  order.id = fixture.order().id;
  order.max_attempts = 1;
  const auto last = fixture.add(order);
  const auto done = fixture.add();
  const auto cancelled_token = fixture.commands.wait_for_begin(cancelled->id);
  const auto late_token = fixture.commands.wait_for_begin(late->id);
  const auto last_token = fixture.commands.wait_for_begin(last->id);
  fixture.cancel(cancelled);
  fixture.commands.wait_for_stop(cancelled_token);
  fixture.advance(1'000ms);
  fixture.commands.wait_for_stop(late_token);
  fixture.commands.wait_for_stop(last_token);
  fixture.commands.succeed(fixture.commands.wait_for_begin(done->id), "1");
  std::jthread stopping([&] { fixture.stop_dispatcher(); });
  for (const auto token : {cancelled_token, late_token, last_token}) fixture.commands.fail(token);
  stopping.join();
  CHECK(fixture.history.states_of(cancelled->id).back() == S::cancelled);
  CHECK(fixture.history.states_of(late->id).back() == S::scheduled);
  CHECK(fixture.history.states_of(last->id).back() == S::timed_out);
  CHECK(fixture.history.states_of(done->id).back() == S::succeeded);
}

TEST_CASE("stop: it does not wait for ever for what does not stop") {
  DispatcherFixture fixture;
  fixture.add_type("work").grace = 2'000ms;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  std::atomic<bool> stopped = false;
  std::jthread stopping([&] {
    fixture.stop_dispatcher();
    stopped = true;
  });
  fixture.commands.wait_for_stop(token);
  while (!stopped) {
    fixture.advance(100ms);
    std::this_thread::yield();
  }
  stopping.join();
  CHECK(fixture.history.states_of(task->id).back() == S::running);  // the next start takes it for lost
  fixture.commands.fail(token);                                     // falls on a closed inbox
}

TEST_CASE("stop: with nothing running it is quick, and late answers do no harm") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  std::vector<api::TaskId> ids;
  for (int i = 0; i < 200; ++i) {
    const auto order = fixture.order();
    ids.push_back(order.id);
    fixture.store().enqueue(order, [](auto) {});
  }
  std::jthread killer([&](const std::stop_token& token) {
    while (!token.stop_requested()) {
      for (const auto& order : fixture.commands.running()) {
        if (fixture.commands.was_stopped(order.token)) fixture.commands.fail(order.token);
      }
      std::this_thread::yield();
    }
  });
  fixture.stop_dispatcher();
  killer.request_stop();
  killer.join();
  fixture.history.wait_for_state(ids.back(), S::queued);
  for (const auto& id : ids) CHECK(fixture.store().find(id).value()->state == S::queued);
}

TEST_CASE("refusals: an end that cannot be written is written later") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto first = fixture.add();
  const auto second = fixture.add();
  const auto one = fixture.commands.wait_for_begin(first->id);
  const auto two = fixture.commands.wait_for_begin(second->id);
  fixture.store().refuse_finishes = 5;
  fixture.commands.succeed(one, "1");
  fixture.commands.fail(two, false);
  CHECK(fixture.advance_until(first, S::succeeded)->result->text == "1");
  CHECK(fixture.advance_until(second, S::failed)->error->code == "BROKEN");
  CHECK(fixture.store().refuse_finishes == 0);
}

TEST_CASE("refusals: a claim, a sweep, a stop that cannot be written is tried again") {
  DispatcherFixture fixture;
  fixture.add_type("work").grace = 10h;  // so that stop() does not run out of time while time is made to pass
  fixture.start_dispatcher();
  SUBCASE("claim") {
    fixture.store().refuse_claims = 3;
    const auto task = fixture.add();
    fixture.advance_until(task, S::running);
    CHECK(fixture.dispatcher().load_of_queue("default").running == 1);
  }
  SUBCASE("claim of a task that is cancelled meanwhile") {
    fixture.store().refuse_claims = 1;
    const auto task = fixture.add();
    for (tests::Patience left("the claim to be refused"); fixture.store().refuse_claims > 0;) left.yield();
    fixture.cancel(task);
    const auto next = fixture.add();
    fixture.advance_until(next, S::running);
    fixture.commands.wait_for_begin(next->id);
    CHECK(fixture.history.states_of(task->id).back() == S::cancelled);
    CHECK(fixture.commands.begun().size() == 1);
  }
  SUBCASE("sweep") {
    auto order = fixture.order();
    order.due = api::Due(fixture.store().now().steady + 10s);
    const auto task = fixture.add(order);
    fixture.store().refuse_sweeps = 2;
    fixture.advance_until(task, S::running);
  }
  SUBCASE("stop of the last attempt") {
    auto order = fixture.order();
    order.timeout = 1'000ms;
    order.max_attempts = 1;
    const auto task = fixture.add(order);
    const auto token = fixture.commands.wait_for_begin(task->id);
    fixture.store().refuse_stops = 2;
    fixture.advance_until(task, S::cancelling);
    fixture.commands.wait_for_stop(token);
  }
  SUBCASE("end, while the server stops") {
    const auto task = fixture.add();
    const auto token = fixture.commands.wait_for_begin(task->id);
    fixture.store().refuse_finishes = 1;
    std::jthread stopping([&] { fixture.stop_dispatcher(); });
    fixture.commands.wait_for_stop(token);
    fixture.commands.fail(token);
    fixture.advance_until(task, S::queued);
  }
}
