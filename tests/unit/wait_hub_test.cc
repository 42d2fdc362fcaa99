#include "server/streams/wait_hub.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/http/exchange.h"
#include "server/http/inbox.h"

namespace longhaul::server {
namespace {

// A loop that turns when it is told to.
class ManualLoop final : public HttpServer {
 public:
  [[nodiscard]] std::string_view name() const override { return "loop"; }
  [[nodiscard]] base::Result<void> start() override { return {}; }
  void stop() override {}
  void route(std::string_view, std::string_view, Handler) override {}
  void set_gate(Gate) override {}
  void set_max_body_bytes(std::size_t /*bytes*/) override {}
  void begin_drain() override {}
  [[nodiscard]] std::uint16_t port() const override { return 0; }
  [[nodiscard]] Counters counters() const override { return {}; }

  void post(std::function<void()> work) override {
    base::MutexLock lock(mutex_);
    posted_.push_back(std::move(work));
  }
  TimerId call_at(base::BootTime when, std::function<void()> work) override {
    timers_[++last_timer_] = {when, std::move(work)};
    return last_timer_;
  }
  void cancel_timer(TimerId id) override { timers_.erase(id); }

  // Runs what has been posted. Returns how much that was.
  std::size_t turn() {
    std::vector<std::function<void()>> work;
    {
      base::MutexLock lock(mutex_);
      work.swap(posted_);
    }
    for (const auto& piece : work) piece();
    return work.size();
  }
  void pass_to(base::BootTime now) {
    while (true) {
      const auto due =
          std::find_if(timers_.begin(), timers_.end(), [&](const auto& t) { return t.second.first <= now; });
      if (due == timers_.end()) return;
      const auto work = std::move(due->second.second);
      timers_.erase(due);
      work();
    }
  }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }

 private:
  base::Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);
  std::map<TimerId, std::pair<base::BootTime, std::function<void()>>> timers_;
  TimerId last_timer_ = 0;
};

base::BootTime at(int seconds) { return base::BootTime(std::chrono::seconds(seconds)); }

api::TaskId id_of(int number) {
  return api::TaskId::make(std::chrono::milliseconds(1000), 0, static_cast<std::uint64_t>(number));
}

api::TaskSnapshotPtr snapshot(int number, api::TaskState state) {
  auto task = std::make_shared<api::TaskSnapshot>();
  task->id = id_of(number);
  task->state = state;
  return task;
}

struct Fixture {
  ManualLoop loop;
  WaitHub hub{loop, 100};
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  std::vector<std::shared_ptr<Exchange>> exchanges;
  std::vector<Responder> responders;
  std::vector<api::TaskSnapshotPtr> ended;  // null: the wait ended first

  WaitHub::WaiterNumber wait(int number, int until) {
    exchanges.push_back(std::make_shared<Exchange>());
    exchanges.back()->inbox = inbox;
    responders.emplace_back(std::make_shared<Responder::Shared>(exchanges.back()));
    return hub.wait(id_of(number), responders.back(), at(until),
                    [this](const api::TaskSnapshotPtr& task) { ended.push_back(task); });
  }
  void commit(int number, api::TaskState state) {
    const std::vector<storage::TaskChange> changes{{std::nullopt, snapshot(number, state)}};
    hub.on_committed(changes);
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
  CHECK(fixture.loop.turn() == 0);
  fixture.commit(3, api::TaskState::succeeded);
  CHECK(fixture.loop.turn() == 0);
  fixture.commit(1, api::TaskState::cancelled);
  CHECK(fixture.ended.empty());  // only on the loop's thread
  fixture.loop.turn();
  REQUIRE(fixture.ended.size() == 2);
  CHECK(fixture.ended[0]->state == api::TaskState::cancelled);
  CHECK(fixture.loop.timers() == 1);
  CHECK(fixture.hub.awaited_tasks() == 1);
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
  CHECK(fixture.hub.awaited_tasks() == 0);
  CHECK(fixture.loop.timers() == 0);
}

TEST_CASE("wait hub: who hangs up is forgotten") {
  Fixture fixture;
  fixture.wait(1, 10);
  REQUIRE(fixture.exchanges[0]->hang_up);
  fixture.exchanges[0]->hang_up();
  CHECK(fixture.hub.awaited_tasks() == 0);
  CHECK(fixture.loop.timers() == 0);
  CHECK(fixture.ended.empty());
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
