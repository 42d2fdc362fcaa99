// What runs when: order, limits, and the slots they are counted in.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/support/seed.h"
#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using tests::DispatcherFixture;
using tests::TaskSnapshotPtr;
using tests::TaskState;

TEST_CASE("dispatcher: a task runs, and its result is kept") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.payload = {"[1,2]"};
  order.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  const auto begun = fixture.commands.order_of(token);
  CHECK(begun.payload.text == "[1,2]");
  CHECK(begun.attempt == 1);
  CHECK(begun.traceparent == order.traceparent);
  CHECK(begun.type == fixture.types.find("work"));
  CHECK(fixture.store().find(task->id).value()->state == TaskState::running);  // committed before it began
  CHECK(fixture.dispatcher().load_of_queue("default").running == 1);
  CHECK(fixture.dispatcher().load_of_type("work").running == 1);
  fixture.commands.succeed(token, "42");
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == TaskState::succeeded);
  CHECK(end->result->text == "42");
  fixture.settle();
  CHECK(fixture.dispatcher().load_of_queue("default").running == 0);
  CHECK(fixture.detail(task).attempts.at(0).worker == "local");
}

TEST_CASE("dispatcher: higher priority first, then older, one at a time in a queue of one") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  const auto first = fixture.add();
  auto token = fixture.commands.wait_for_begin(first->id);
  std::vector<api::TaskId> expected = {first->id};
  std::map<int, std::vector<api::TaskId>, std::greater<>> by_priority;
  for (const int priority : {0, 5, -3, 5, 0, 100, -100, 5}) {
    auto order = fixture.order();
    order.priority = priority;
    by_priority[priority].push_back(fixture.add(order)->id);
  }
  for (const auto& [priority, ids] : by_priority) expected.insert(expected.end(), ids.begin(), ids.end());
  for (std::size_t i = 1; i < expected.size(); ++i) {
    fixture.commands.succeed(token);
    token = fixture.commands.wait_for_begin(expected[i]);
  }
  CHECK(fixture.commands.begun() == expected);
  CHECK(fixture.commands.most_running() == 1);
}

TEST_CASE("dispatcher: the limits of queue, type and executor are never exceeded, and always used") {
  const auto seed = tests::test_seed();
  MESSAGE("seed ", seed);
  std::mt19937_64 random(seed);
  DispatcherFixture fixture({.command_places = 6});
  fixture.add_type("narrow").concurrency = 2;
  fixture.types.set_queue("small", {3});
  fixture.types.set_queue("big", {50});
  fixture.start_dispatcher();
  constexpr std::size_t count = 200;
  std::vector<TaskSnapshotPtr> tasks;
  for (std::size_t i = 0; i < count; ++i) {
    auto order = fixture.order();
    order.type = random() % 3 == 0 ? "narrow" : "work";
    order.queue = random() % 2 == 0 ? "small" : "big";
    order.priority = static_cast<int>(random() % 3);
    tasks.push_back(fixture.add(order));
  }
  std::map<api::TaskId, TaskSnapshotPtr> by_id;
  for (const auto& task : tasks) by_id[task->id] = task;

  std::size_t most_in_small = 0;
  std::size_t most_narrow = 0;
  std::size_t most = 0;
  for (std::size_t done = 0; done < count; ++done) {
    fixture.commands.wait_for_begun_count(done + 1);
    if (done % 5 == 0) fixture.settle();  // or a slow disk would show only what is between two claims
    const auto running = fixture.commands.running();
    std::size_t in_small = 0;
    std::size_t narrow = 0;
    for (const auto& order : running) {
      in_small += by_id[order.id]->queue == "small" ? 1U : 0U;
      narrow += order.type->name == "narrow" ? 1U : 0U;
    }
    most_in_small = std::max(most_in_small, in_small);
    most_narrow = std::max(most_narrow, narrow);
    most = std::max(most, running.size());
    fixture.commands.succeed(running[random() % running.size()].token);
  }
  CHECK(most_in_small == 3);
  CHECK(most_narrow == 2);
  CHECK(most == 6);
  for (const auto& task : tasks) fixture.history.wait_for_state(task->id, TaskState::succeeded);
}

TEST_CASE("dispatcher: a slot is free only when the end is committed") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  const auto first = fixture.add();
  const auto second = fixture.add();
  const auto token = fixture.commands.wait_for_begin(first->id);
  fixture.store().refuse_finishes = 1;  // the disk is full
  fixture.commands.succeed(token, "42");
  for (tests::Patience left("the end to be refused"); fixture.store().refuse_finishes > 0;) left.yield();
  CHECK(fixture.dispatcher().load_of_queue("default").running == 1);
  CHECK(fixture.commands.begun().size() == 1);
  CHECK(fixture.advance_until(first, TaskState::succeeded)->result->text == "42");
  fixture.commands.wait_for_begin(second->id);
}

TEST_CASE("dispatcher: a type that is not known here is left alone") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.type = "unheard-of";
  const auto task = fixture.add(order);
  fixture.settle();
  CHECK(fixture.commands.begun().empty());
  CHECK(fixture.explain(task)->reason == "no_worker_for_type");
}

TEST_CASE("dispatcher: more tasks than a lane holds: all run, in order") {
  DispatcherFixture fixture;
  constexpr std::size_t limit = 100;
  fixture.types.set_queue("default", {limit});
  fixture.start_dispatcher();
  for (std::size_t i = 0; i < limit; ++i) fixture.store().enqueue(fixture.order(), [](auto) {});
  fixture.commands.wait_for_begun_count(limit);
  const auto blockers = fixture.commands.running();
  constexpr int count = 2'600;  // a lane holds 2,000
  std::vector<api::TaskId> expected;
  for (int i = 0; i < count; ++i) {
    auto order = fixture.order();
    expected.push_back(order.id);
    fixture.store().enqueue(order, [](auto) {});
  }
  fixture.history.wait_for_state(expected.back(), TaskState::queued);
  fixture.settle();
  for (const auto& blocker : blockers) fixture.commands.succeed(blocker.token);
  for (const auto& id : expected) fixture.commands.succeed(fixture.commands.wait_for_begin(id));
  fixture.history.wait_for_state(expected.back(), TaskState::succeeded);
  auto begun = fixture.commands.begun();
  begun.erase(begun.begin(), begun.begin() + limit);
  CHECK(begun == expected);
}

TEST_CASE("dispatcher: however much room there is, the store never has more than 256 claims before it") {
  constexpr std::size_t count = 1'000;
  DispatcherFixture fixture({.command_places = count});
  fixture.types.set_queue("default", {count});
  for (std::size_t i = 1; i < count; ++i) fixture.store().enqueue(fixture.order(), [](auto) {});
  fixture.add();  // written after the others
  fixture.start_dispatcher();
  fixture.commands.wait_for_begun_count(count);
  CHECK(fixture.store().most_claims_asked == 256);
}

TEST_CASE("dispatcher: a cancelled task never begins, and gives its place to the next") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  const auto first = fixture.add();
  const auto second = fixture.add();
  const auto third = fixture.add();
  const auto token = fixture.commands.wait_for_begin(first->id);
  CHECK(fixture.cancel(second).verdict == storage::CancelVerdict::cancelled_now);
  fixture.commands.succeed(token);
  fixture.commands.wait_for_begin(third->id);
  CHECK(fixture.commands.begun() == std::vector{first->id, third->id});
}

TEST_CASE("dispatcher: what a user opens again runs again") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  auto token = fixture.commands.wait_for_begin(task->id);
  fixture.commands.fail(token, false);
  fixture.history.wait_for_state(task->id, TaskState::failed);
  CHECK(fixture.retry(task).verdict == storage::RetryVerdict::retried);
  token = fixture.commands.wait_for_begin(task->id, token);
  CHECK(fixture.commands.order_of(token).attempt == 1);
  fixture.commands.succeed(token);
  fixture.history.wait_for_state(task->id, TaskState::succeeded);
}

TEST_CASE("dispatcher: with nothing to do it asks the store nothing") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  auto later = fixture.order();
  later.due = fixture.store().now().steady + std::chrono::hours(1);
  fixture.add(later);
  fixture.commands.succeed(fixture.commands.wait_for_begin(task->id));
  fixture.history.wait_for_end(task->id);
  fixture.settle();
  const auto before = fixture.store().calls();
  for (int i = 0; i < 100; ++i) fixture.advance(tests::Milliseconds(1'000));
  fixture.settle();
  CHECK(fixture.store().calls() == before + 6);  // a claim and an end for each task that settle() itself runs
}
