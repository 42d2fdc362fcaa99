// Why a task waits, and what runs where.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using tests::DispatcherFixture;
using tests::TaskState;

TEST_CASE("explain: the first reason that holds") {
  DispatcherFixture fixture({.command_places = 5});
  fixture.add_type("narrow").concurrency = 1;
  fixture.types.set_queue("default", {2});
  fixture.types.set_queue("wide", {100});
  fixture.start_dispatcher();
  const auto running = fixture.add();
  CHECK_FALSE(fixture.explain(running).has_value());
  const auto also = fixture.add();
  fixture.commands.wait_for_begin(running->id);
  const auto token = fixture.commands.wait_for_begin(also->id);
  const auto next = fixture.add();
  const auto second = fixture.add();
  auto order = fixture.order();
  order.priority = -5;
  const auto last = fixture.add(order);
  fixture.settle();
  CHECK(fixture.explain(next)->reason == "queue_concurrency");
  CHECK(fixture.explain(next)->detail == "2 of 2 running");
  CHECK(fixture.explain(second)->reason == "behind_others");
  CHECK(fixture.explain(second)->detail == "1 task is ahead in this queue");
  CHECK(fixture.explain(last)->detail == "2 tasks are ahead in this queue");
  CHECK_FALSE(fixture.explain(also).has_value());  // it runs

  order = fixture.order();
  order.type = "narrow";
  order.queue = "wide";
  fixture.commands.wait_for_begin(fixture.add(order)->id);
  order.id = fixture.order().id;
  const auto narrow = fixture.add(order);
  fixture.settle();
  CHECK(fixture.explain(narrow)->reason == "type_concurrency");
  CHECK(fixture.explain(narrow)->detail == "1 of 1 running");

  for (int i = 0; i < 2; ++i) {
    order = fixture.order();
    order.queue = "wide";
    fixture.commands.wait_for_begin(fixture.add(order)->id);
  }
  order.id = fixture.order().id;
  const auto crowded_out = fixture.add(order);
  fixture.settle();
  CHECK(fixture.explain(crowded_out)->reason == "type_concurrency");
  CHECK(fixture.explain(crowded_out)->detail == "all 5 places for commands are taken");

  fixture.commands.succeed(token);
  fixture.commands.wait_for_begin(next->id);
}

TEST_CASE("explain: the number ahead is counted to a thousand") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  fixture.commands.wait_for_begin(fixture.add()->id);
  std::vector<api::TaskId> ids;
  for (int i = 0; i < 2'500; ++i) {
    const auto order = fixture.order();
    ids.push_back(order.id);
    fixture.store().enqueue(order, [](auto) {});
  }
  fixture.history.wait_for_state(ids.back(), TaskState::queued);
  fixture.settle();
  const auto detail_of = [&](std::size_t i) {
    return fixture.dispatcher().explain(*fixture.store().find(ids[i]).value())->detail;
  };
  CHECK(detail_of(0) == "1 of 1 running");
  CHECK(detail_of(1) == "1 task is ahead in this queue");
  CHECK(detail_of(999) == "999 tasks are ahead in this queue");
  CHECK(detail_of(1'000) == "1000 or more tasks are ahead in this queue");
  CHECK(detail_of(2'499) == "1000 or more tasks are ahead in this queue");
}

TEST_CASE("explain: when a scheduled task is due") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.due = api::Due(fixture.store().now().steady + 90s);
  order.run_at = fixture.clock.wall() + 90s;
  const auto task = fixture.add(order);
  CHECK(fixture.explain(task)->reason == "not_due");
  CHECK(fixture.explain(task)->detail == "due at 2026-03-01T12:01:30.000Z");
  fixture.step_wall(
      3'600'000ms);  // the delay does not follow the wall clock, so the time of day it ends at does
  CHECK(fixture.explain(task)->detail == "due at 2026-03-01T13:01:30.000Z");
}

TEST_CASE("explain: any number of threads may ask while tasks come and go") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {4});
  fixture.start_dispatcher();
  const auto watched = fixture.add();
  std::atomic<bool> done = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&] {
      while (!done) {
        static_cast<void>(fixture.dispatcher().explain(*watched));
        CHECK(fixture.dispatcher().load_of_queue("default").running <= 4);
        CHECK(fixture.dispatcher().load_of_type("work").running <= 4);
      }
    });
  }
  constexpr std::size_t count = 300;
  for (std::size_t i = 1; i < count; ++i) fixture.store().enqueue(fixture.order(), [](auto) {});
  for (std::size_t i = 0; i < count; ++i) {
    fixture.commands.wait_for_begun_count(i + 1);
    fixture.commands.succeed(fixture.commands.running().front().token);
  }
  done = true;
}

TEST_CASE("timers: with the machine's clocks nobody has to tell that time passes") {
  DispatcherFixture fixture({.machine_clock = true});
  fixture.start_dispatcher();
  SUBCASE("a delay, on the steady timeline") {
    auto order = fixture.order();
    order.due = api::Due(fixture.store().now().steady + 30ms);
    fixture.commands.wait_for_begin(fixture.add(order)->id);
    CHECK(fixture.store().now().steady >= std::get<base::SteadyTime>(*order.due));
  }
  SUBCASE("a date, on the wall clock") {
    auto order = fixture.order();
    order.due = api::Due(fixture.store().now().wall + 30ms);
    fixture.commands.wait_for_begin(fixture.add(order)->id);
    CHECK(fixture.store().now().wall >= std::get<base::WallTime>(*order.due));
  }
  SUBCASE("a timeout") {
    auto order = fixture.order();
    order.timeout = 30ms;
    const auto task = fixture.add(order);
    fixture.commands.wait_for_stop(fixture.commands.wait_for_begin(task->id));
  }
  SUBCASE("a deadline") {
    auto order = fixture.order();
    order.deadline = api::Due(fixture.store().now().steady + 30ms);
    // On a busy machine it may pass before the beginning.
    fixture.history.wait_until(fixture.add(order)->id, [](const api::TaskSnapshot& task) {
      return task.state == TaskState::cancelling || task.state == TaskState::timed_out;
    });
  }
  SUBCASE("the rest after a refusal") {
    fixture.store().refuse_claims = 1;
    fixture.commands.wait_for_begin(fixture.add()->id);
  }
}
