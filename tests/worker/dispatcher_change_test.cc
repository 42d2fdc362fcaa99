// What an operator does to a dispatcher that works: draining it, and giving it other types and limits.
#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <thread>

#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using tests::DispatcherFixture;
using tests::TaskState;
using S = TaskState;

namespace {

std::future<void> drain(DispatcherFixture& fixture) {
  const auto told = std::make_shared<std::promise<void>>();
  fixture.dispatcher().drain([told] { told->set_value(); });
  return told->get_future();
}

bool is_drained(const std::future<void>& drained) {
  return drained.wait_for(0s) == std::future_status::ready;
}

// The types of the fixture, with changes of the test's own.
template <class Change>
void change_types(DispatcherFixture& fixture, Change change) {
  auto types = std::make_shared<worker::TaskTypes>(fixture.types);
  change(*types);
  fixture.dispatcher().change_types(std::move(types));
}

worker::TaskType type_named(const std::string& name, std::optional<int> concurrency = std::nullopt) {
  worker::TaskType type;
  type.name = name;
  type.concurrency = concurrency;
  return type;
}

storage::NewTask order_of(DispatcherFixture& fixture, const std::string& type) {
  auto order = fixture.order();
  order.type = type;
  return order;
}

}  // namespace

TEST_CASE("drain: what runs goes on to its end, and nothing begins") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {2});
  fixture.start_dispatcher();
  const auto first = fixture.add();
  const auto second = fixture.add();
  const auto waiting = fixture.add();
  const auto token = fixture.commands.wait_for_begin(first->id);
  const auto other = fixture.commands.wait_for_begin(second->id);
  auto drained = drain(fixture);
  fixture.commands.succeed(token);
  fixture.history.wait_for_state(first->id, S::succeeded);
  CHECK_FALSE(is_drained(drained));
  CHECK_FALSE(fixture.commands.was_stopped(other));
  fixture.commands.fail(other);  // to be tried again, by the next server
  drained.wait();
  CHECK(fixture.history.states_of(second->id).back() == S::scheduled);
  CHECK(fixture.store().find(waiting->id).value()->state == S::queued);
  CHECK(fixture.commands.begun().size() == 2);
}

TEST_CASE("drain: with nothing running it is over at once") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  drain(fixture).wait();
  const auto late = fixture.add();
  fixture.stop_dispatcher();  // it has seen the task by then
  CHECK(fixture.commands.begun().empty());
  CHECK(fixture.store().find(late->id).value()->state == S::queued);
}

TEST_CASE("drain: timeouts, deadlines and cancels are still carried out") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto cancelled = fixture.add();
  auto order = fixture.order();
  order.timeout = 1'000ms;
  const auto late = fixture.add(order);
  const auto cancelled_token = fixture.commands.wait_for_begin(cancelled->id);
  const auto late_token = fixture.commands.wait_for_begin(late->id);
  auto drained = drain(fixture);
  fixture.cancel(cancelled);
  fixture.commands.wait_for_stop(cancelled_token);
  fixture.commands.fail(cancelled_token);
  fixture.history.wait_for_state(cancelled->id, S::cancelled);
  fixture.advance(1'000ms);
  fixture.commands.wait_for_stop(late_token);
  fixture.commands.fail(late_token);
  drained.wait();
  CHECK(fixture.history.states_of(cancelled->id).back() == S::cancelled);
  CHECK(fixture.history.states_of(late->id).back() == S::scheduled);
}

TEST_CASE("drain: stop comes before its end") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  auto drained = drain(fixture);
  std::jthread stopping([&] { fixture.stop_dispatcher(); });
  fixture.commands.wait_for_stop(token);
  fixture.commands.lose(token);
  stopping.join();
  CHECK(fixture.store().find(task->id).value()->state == S::queued);
  CHECK(fixture.store().find(task->id).value()->attempt == 0);  // refunded
}

TEST_CASE("types: tasks of a new one, queued before it was there, run as it comes") {
  DispatcherFixture fixture;
  const auto early = fixture.add(order_of(fixture, "fresh"));  // before the dispatcher has started
  fixture.start_dispatcher();
  const auto late = fixture.add(order_of(fixture, "fresh"));
  fixture.settle();
  CHECK(fixture.explain(late)->reason == "no_worker_for_type");
  change_types(fixture, [](auto& types) { types.add(type_named("fresh")); });
  fixture.commands.wait_for_begin(early->id);
  fixture.commands.wait_for_begin(late->id);
}

TEST_CASE("types: one that goes leaves its running tasks alone and its waiting ones waiting") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  const auto running = fixture.add();
  const auto token = fixture.commands.wait_for_begin(running->id);
  const auto waiting = fixture.add();
  fixture.settle();
  auto without = std::make_shared<worker::TaskTypes>();
  without->add(*fixture.types.find("barrier"));  // for settle()
  fixture.dispatcher().change_types(without);
  fixture.commands.succeed(token);
  fixture.history.wait_for_state(running->id, S::succeeded);
  fixture.settle();
  CHECK(fixture.explain(waiting)->reason == "no_worker_for_type");
  CHECK(fixture.commands.begun().size() == 1);
  change_types(fixture, [](auto&) {});
  fixture.commands.wait_for_begin(waiting->id);
}

TEST_CASE("types: tasks of a type that is gone hold up nobody in their queue") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  auto important = order_of(fixture, "gone");
  important.priority = 50;
  const auto stuck = fixture.add(important);
  fixture.commands.wait_for_begin(fixture.add()->id);
  const auto next = fixture.add();
  fixture.settle();
  CHECK(fixture.explain(next)->reason == "queue_concurrency");  // and not: behind others
  CHECK(fixture.explain(stuck)->reason == "no_worker_for_type");
}

TEST_CASE("types: other limits hold from the next claim on") {
  DispatcherFixture fixture;
  fixture.add_type("narrow").concurrency = 3;
  fixture.start_dispatcher();
  std::vector<tests::TaskSnapshotPtr> tasks;
  for (int i = 0; i < 6; ++i) tasks.push_back(fixture.add(order_of(fixture, "narrow")));
  fixture.commands.wait_for_begun_count(3);
  change_types(fixture, [](auto& types) { types.add(type_named("narrow", 1)); });
  fixture.settle();
  CHECK(fixture.explain(tasks[3])->detail == "3 of 1 running");
  for (int i = 0; i < 2; ++i) {
    fixture.commands.succeed(fixture.commands.wait_for_begin(tasks[static_cast<std::size_t>(i)]->id));
    fixture.history.wait_for_state(tasks[static_cast<std::size_t>(i)]->id, S::succeeded);
    fixture.settle();
    CHECK(fixture.commands.begun().size() == 3);  // two of three, then one of one
  }
  change_types(fixture, [](auto& types) { types.add(type_named("narrow", 4)); });
  fixture.commands.wait_for_begun_count(6);
  CHECK(fixture.dispatcher().load_of_type("narrow").running == 4);
}

TEST_CASE("types: an attempt goes by what it was claimed with") {
  DispatcherFixture fixture;
  fixture.add_type("work").retry_base = 5'000ms;
  fixture.random = 5'000;  // the whole wait
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  change_types(fixture, [](auto& types) {
    auto type = type_named("work");
    type.retry_base = 0ms;
    types.add(type);
  });
  fixture.settle();
  fixture.commands.fail(token);
  fixture.history.wait_for_state(task->id, S::scheduled);
  fixture.settle();
  CHECK(fixture.commands.begun().size() == 1);
  fixture.advance(5'000ms);
  fixture.commands.wait_for_begin(task->id, token);
}
