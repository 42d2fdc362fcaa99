#include "server/streams/wait_hub.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "server/http/exchange.h"
#include "server/http/inbox.h"
#include "tests/support/manual_loop.h"

namespace longhaul::server {
namespace {

base::BootTime at(int seconds) { return base::BootTime(std::chrono::seconds(seconds)); }

api::TaskId id_of(int number) {
  return api::TaskId::make(std::chrono::milliseconds(1000), 0, static_cast<std::uint64_t>(number));
}

api::TaskSnapshotPtr snapshot(int number, api::TaskState state, std::int64_t revision = 1) {
  auto task = std::make_shared<api::TaskSnapshot>();
  task->id = id_of(number);
  task->state = state;
  task->revision = revision;
  return task;
}

struct Fixture {
  ManualLoop loop;
  EventHub events{loop, [](const api::TaskSnapshot&) { return std::nullopt; }, 1000};
  WaitHub hub{loop, events, 100};
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  std::vector<std::shared_ptr<Exchange>> exchanges;
  std::vector<Responder> responders;
  std::vector<api::TaskSnapshotPtr> ended;  // null: the wait ended first

  WaitHub::WaiterNumber wait(int number, int until, WaitHub::Above above = std::nullopt) {
    exchanges.push_back(std::make_shared<Exchange>());
    exchanges.back()->inbox = inbox;
    responders.emplace_back(std::make_shared<Responder::Shared>(exchanges.back()));
    return hub.wait(
        id_of(number), responders.back(), at(until),
        [this](const api::TaskSnapshotPtr& task) { ended.push_back(task); }, above);
  }
  void commit(int number, api::TaskState state, std::int64_t revision = 1) {
    const std::vector<storage::TaskChange> changes{{std::nullopt, snapshot(number, state, revision)}};
    events.on_committed(changes);
  }
  // So that no responder answers on its own when it goes.
  ~Fixture() {
    for (const auto& exchange : exchanges) exchange->answered = true;
  }
};

}  // namespace

TEST_CASE("wait hub: a commit of a final state ends every wait for that task, and no other") {
  Fixture fixture;
  fixture.wait(1, 10);
  fixture.wait(1, 20);
  fixture.wait(2, 10);
  fixture.commit(1, api::TaskState::running);
  fixture.loop.turn();
  CHECK(fixture.ended.empty());
  fixture.commit(3, api::TaskState::succeeded);
  CHECK(fixture.loop.turn() == 0);
  fixture.commit(1, api::TaskState::cancelled);
  CHECK(fixture.ended.empty());  // only on the loop's thread
  fixture.loop.turn();
  REQUIRE(fixture.ended.size() == 2);
  CHECK(fixture.ended[0]->state == api::TaskState::cancelled);
  CHECK(fixture.loop.timers() == 1);
  CHECK(fixture.events.watched_tasks() == 1);
}

TEST_CASE("wait hub: a wait ends with its time, once") {
  Fixture fixture;
  fixture.wait(1, 10);
  fixture.loop.pass_to(at(9));
  CHECK(fixture.ended.empty());
  fixture.loop.pass_to(at(10));
  REQUIRE(fixture.ended.size() == 1);
  CHECK(fixture.ended[0] == nullptr);
  fixture.commit(1, api::TaskState::failed);
  CHECK(fixture.loop.turn() == 0);
  CHECK(fixture.ended.size() == 1);
}

TEST_CASE("wait hub: a commit and the end of the time at the same moment end the wait once") {
  Fixture fixture;
  fixture.wait(1, 10);
  fixture.commit(1, api::TaskState::succeeded);  // posted
  fixture.loop.pass_to(at(10));
  fixture.loop.turn();
  REQUIRE(fixture.ended.size() == 1);
  CHECK(fixture.ended[0] == nullptr);
}

TEST_CASE("wait hub: a wait for a revision ends with any above it, and with the end") {
  Fixture fixture;
  fixture.wait(1, 10, 4);
  fixture.commit(1, api::TaskState::queued, 4);
  fixture.loop.turn();
  CHECK(fixture.ended.empty());
  fixture.commit(1, api::TaskState::running, 5);
  fixture.loop.turn();
  REQUIRE(fixture.ended.size() == 1);
  CHECK(fixture.ended[0]->revision == 5);
  fixture.wait(1, 10, 100);  // of a task that was never there
  fixture.commit(1, api::TaskState::succeeded, 6);
  fixture.loop.turn();
  CHECK(fixture.ended.size() == 2);
}

TEST_CASE("wait hub: settle and forget") {
  Fixture fixture;
  const auto first = fixture.wait(1, 10);
  const auto second = fixture.wait(1, 10);
  fixture.hub.settle(first, snapshot(1, api::TaskState::succeeded));
  fixture.hub.settle(first, snapshot(1, api::TaskState::succeeded));
  CHECK(fixture.ended.size() == 1);
  CHECK(fixture.hub.forget(second));
  CHECK_FALSE(fixture.hub.forget(second));
  fixture.commit(1, api::TaskState::succeeded);
  fixture.loop.turn();
  CHECK(fixture.ended.size() == 1);
  CHECK(fixture.events.watched_tasks() == 0);
  CHECK(fixture.loop.timers() == 0);
}

TEST_CASE("wait hub: who hangs up is forgotten") {
  Fixture fixture;
  fixture.wait(1, 10);
  REQUIRE(fixture.exchanges[0]->hang_up);
  fixture.exchanges[0]->hang_up();
  CHECK(fixture.events.watched_tasks() == 0);
  CHECK(fixture.loop.timers() == 0);
  CHECK(fixture.ended.empty());
}

TEST_CASE("wait hub: of who has hung up before the wait began nothing is kept") {
  Fixture fixture;
  auto exchange = std::make_shared<Exchange>();
  exchange->inbox = fixture.inbox;
  exchange->answered = true;  // as the transport leaves it
  const Responder responder(std::make_shared<Responder::Shared>(exchange));
  bool ended = false;
  CHECK(fixture.hub.wait(id_of(1), responder, at(10), [&](const auto&) { ended = true; }) == 0);
  CHECK_FALSE(ended);
  CHECK(fixture.hub.waiters() == 0);
  CHECK(fixture.loop.timers() == 0);
}

TEST_CASE("wait hub: a full table ends the wait at once") {
  Fixture fixture;
  for (int i = 0; i < 100; ++i) fixture.wait(i, 10);
  CHECK(fixture.ended.empty());
  CHECK(fixture.wait(1, 10) == 0);
  CHECK(fixture.ended.size() == 1);
}

TEST_CASE("wait hub: close ends all waits and those to come") {
  Fixture fixture;
  for (int i = 0; i < 5; ++i) fixture.wait(i, 10);
  std::thread closer([&] { fixture.hub.close(); });
  while (fixture.ended.size() < 5) {
    fixture.loop.turn();
    std::this_thread::yield();
  }
  closer.join();
  CHECK(fixture.loop.timers() == 0);
  fixture.wait(1, 10);
  CHECK(fixture.ended.size() == 6);
}

TEST_CASE("wait hub: a commit that races with the registration is missed by nobody") {
  // The waiter registers, then looks at the state; the writer sets the state, then tells the hub.
  for (int round = 0; round < 2'000; ++round) {
    Fixture fixture;
    std::atomic<bool> final{false};
    std::thread writer([&] {
      final = true;
      fixture.commit(1, api::TaskState::succeeded);
    });
    const auto number = fixture.wait(1, 10);
    if (final) fixture.hub.settle(number, snapshot(1, api::TaskState::succeeded));
    writer.join();
    fixture.loop.turn();
    REQUIRE(fixture.ended.size() == 1);
    REQUIRE(fixture.ended[0] != nullptr);
  }
}

}  // namespace longhaul::server
