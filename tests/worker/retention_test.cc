// The service that has old tasks removed: when it looks, and that it looks again after what kept it.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/support/manual_clock.h"
#include "tests/worker/store_proxy.h"
#include "worker/retention.h"

namespace longhaul::tests {
namespace {

using namespace std::chrono_literals;
using api::TaskSnapshotPtr;

// A real store in a folder of its own, with the service over it, and a clock in the test's hand.
class RetentionFixture {
 public:
  explicit RetentionFixture(storage::RetentionLimits limits) {
    std::string folder = (std::filesystem::temp_directory_path() / "longhaul-retention-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    storage::SqliteOptions options;
    options.path = folder_ / "longhaul.db";
    options.clock = &clock;
    options.boot_id = "boot-1";
    store_ = std::make_unique<StoreProxy>(storage::open_sqlite_store(options).value());
    store_->on_purge = [this](const storage::PurgeOrder& order) { note_slice(order); };
    worker::RetentionOptions retention;
    retention.store = store_.get();
    retention.limits = limits;
    retention.clock = &clock;
    retention.system_timers = false;
    service_ = worker::make_retention(retention);
    store_->add_observer(service_.get());
    REQUIRE(store_->start());
    REQUIRE(service_->start());
  }
  ~RetentionFixture() {
    service_->stop();
    store_->stop();
    service_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  RetentionFixture(const RetentionFixture&) = delete;
  RetentionFixture& operator=(const RetentionFixture&) = delete;

  // A task that has ended now; with a callback it owes a delivery.
  TaskSnapshotPtr cancelled(bool with_callback = false) {
    storage::NewTask task;
    task.id = api::TaskId::make(clock.wall().time_since_epoch(), 1, ++last_id_);
    task.type = "work";
    task.queue = "default";
    task.payload = api::RawJson{"null"};
    task.created_at = task.run_at = clock.wall();
    if (with_callback)
      task.callback = api::Callback{"https://example.com/done", api::WebhookEvents::final_ones()};
    // The cancel has to wait for the start: it has a lane of its own, which goes first.
    std::promise<void> started;
    store_->enqueue(task, [&started](const auto&) { started.set_value(); });
    started.get_future().wait();
    std::promise<TaskSnapshotPtr> ended;
    store_->cancel(task.id, "", [&ended](const auto& outcome) { ended.set_value(outcome.value().task); });
    return ended.get_future().get();
  }
  // A result that is kept so long.
  void keep_result(const std::string& key, base::Milliseconds stale) {
    storage::NewTask task;
    task.id = api::TaskId::make(clock.wall().time_since_epoch(), 1, ++last_id_);
    task.type = "work";
    task.queue = "default";
    task.payload = api::RawJson{"null"};
    task.created_at = task.run_at = clock.wall();
    task.cache = api::CacheTerms{key, base::Milliseconds(0), stale};
    std::promise<TaskSnapshotPtr> started;
    store_->enqueue(task, [&](const auto& outcome) {
      const TaskSnapshotPtr made = outcome.value().task;
      store_->claim({{made->key, "local"}},
                    [&](const auto& claimed) { started.set_value(claimed.value().at(0)->task); });
    });
    const TaskSnapshotPtr running = started.get_future().get();
    storage::AttemptEnd end;
    end.key = running->key;
    end.token = running->token;
    end.outcome = api::AttemptOutcome::succeeded;
    std::promise<void> ended;
    store_->finish(end, [&ended](const auto&) { ended.set_value(); });
    ended.get_future().wait();
  }
  // Until so many have begun, and have done what they came for.
  void wait_for_rounds(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (rounds().size() < count || store_->slices_removed < count) {
      service_->clock_changed();
      REQUIRE(std::chrono::steady_clock::now() < end);
    }
  }
  void advance(base::Milliseconds by) {
    clock.advance(by);
    service_->clock_changed();
  }
  void set_limits(const storage::RetentionLimits& limits) { service_->set_limits(limits); }
  [[nodiscard]] bool is_known(const TaskSnapshotPtr& task) {
    return store_->find(task->id).value() != nullptr;
  }
  void wait_until_gone(const TaskSnapshotPtr& task) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (is_known(task)) {
      service_->clock_changed();
      REQUIRE(std::chrono::steady_clock::now() < end);
    }
  }
  void settle_delivery() {
    const auto owed = store_->outbox().owed_deliveries({}, 1).value();
    REQUIRE(owed.size() == 1);
    storage::DeliveryReport report;
    report.key = owed.front().key;
    report.status = api::DeliveryStatus::delivered;
    report.attempt.emplace().started_at = clock.wall();
    std::promise<void> written;
    store_->outbox().record_deliveries({report}, [&written](const auto&) { written.set_value(); });
    written.get_future().wait();
  }

  struct Round {
    base::BootTime began;
    base::BootTime ended;  // its last slice was asked for, and took its time
    base::Milliseconds took{};
  };
  [[nodiscard]] std::vector<Round> rounds() {
    const base::MutexLock lock(mutex_);
    return rounds_;
  }

  ManualClock clock;
  std::atomic<base::Milliseconds> slice_takes{};

 private:
  void note_slice(const storage::PurgeOrder& order) {
    const base::MutexLock lock(mutex_);
    if (!order.position) rounds_.push_back({clock.boot(), {}, {}});
    clock.advance(slice_takes);
    rounds_.back().took += slice_takes.load();
    rounds_.back().ended = clock.boot();
  }

  std::filesystem::path folder_;
  base::Mutex mutex_;
  std::vector<Round> rounds_ GUARDED_BY(mutex_);
  std::unique_ptr<StoreProxy> store_;
  std::unique_ptr<worker::RetentionService> service_;
  std::uint64_t last_id_ = 0;
};

storage::RetentionLimits keep_for(base::Milliseconds time) {
  storage::RetentionLimits limits;
  limits.keep.fill(time);
  return limits;
}

}  // namespace

TEST_CASE("retention: it comes when a kept result expires, and not before") {
  RetentionFixture fixture(storage::RetentionLimits{});
  fixture.wait_for_rounds(1);  // what came to be past its time while no server ran
  const base::BootTime kept = fixture.clock.boot();
  fixture.keep_result("later", 100s);
  fixture.keep_result("sooner", 10s);
  fixture.advance(10s - 1ms);
  fixture.clock.step_wall(-1h);  // it follows the steady clock
  fixture.advance(1ms);
  fixture.wait_for_rounds(2);
  CHECK(fixture.rounds()[1].began == kept + 10s);
  fixture.advance(90s - 1ms);
  fixture.advance(1ms);
  fixture.wait_for_rounds(3);
  CHECK(fixture.rounds()[2].began == kept + 100s);
}

TEST_CASE("retention: each task goes at its time, and not before") {
  RetentionFixture fixture(keep_for(10s));
  const TaskSnapshotPtr first = fixture.cancelled();
  fixture.advance(5s);
  const TaskSnapshotPtr second = fixture.cancelled();
  fixture.advance(5s);
  fixture.wait_until_gone(first);
  CHECK(fixture.is_known(second));
  const TaskSnapshotPtr third = fixture.cancelled();
  fixture.advance(5s);
  fixture.wait_until_gone(second);
  CHECK(fixture.is_known(third));
  fixture.advance(5s);
  fixture.wait_until_gone(third);
}

TEST_CASE("retention: a backlog of many slices goes in one round") {
  RetentionFixture fixture(keep_for(10s));
  TaskSnapshotPtr last;
  for (int i = 0; i < 1'000; ++i) last = fixture.cancelled();
  fixture.advance(10s);
  // Time stands still, and the tasks were written just now: it rests between slices until the clock goes on.
  while (fixture.is_known(last)) fixture.advance(1ms);
}

TEST_CASE("retention: a wall clock set forward is looked at") {
  RetentionFixture fixture(keep_for(10s));
  const TaskSnapshotPtr task = fixture.cancelled();
  fixture.clock.step_wall(9s);
  fixture.clock.advance(worker::RetentionService::round_rest);
  fixture.wait_until_gone(task);
}

TEST_CASE("retention: tasks that come due one after the other go together") {
  RetentionFixture fixture(keep_for(10s));
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < 30; ++i) {
    tasks.push_back(fixture.cancelled());
    fixture.advance(100ms);
  }
  fixture.advance(6s);
  for (const TaskSnapshotPtr& task : tasks) {
    while (fixture.is_known(task)) {
      fixture.advance(100ms);
      // Whatever a service that hurries has asked for is answered before this is.
      (void)fixture.cancelled();
    }
  }
  const auto rounds = fixture.rounds();
  CHECK(rounds.size() >= 3);
  for (std::size_t i = 1; i < rounds.size(); ++i)
    CHECK(rounds[i].began - rounds[i - 1].began >= worker::RetentionService::round_rest);
}

TEST_CASE("retention: the more work it is to hold tasks back, the more seldom it is done") {
  RetentionFixture fixture(keep_for(10s));
  const TaskSnapshotPtr owing = fixture.cancelled(true);
  const TaskSnapshotPtr first = fixture.cancelled();
  fixture.advance(1s);
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back(fixture.cancelled());
    fixture.advance(10ms);
  }
  const std::size_t before = fixture.rounds().size();
  fixture.slice_takes = 500ms;
  fixture.advance(8'800ms);
  fixture.wait_until_gone(first);
  for (const TaskSnapshotPtr& task : tasks) {
    while (fixture.is_known(task)) {
      fixture.advance(100ms);
      (void)fixture.cancelled();
    }
  }
  CHECK(fixture.is_known(owing));
  const auto rounds = fixture.rounds();
  REQUIRE(rounds.size() >= before + 2);
  for (std::size_t i = before + 1; i < rounds.size(); ++i) {
    CAPTURE(i);
    CHECK(rounds[i].began - rounds[i - 1].ended >= 10 * rounds[i - 1].took);
  }
}

TEST_CASE("retention: other limits hold at once, whatever it rests for") {
  RetentionFixture fixture(keep_for(10s));
  const TaskSnapshotPtr owing = fixture.cancelled(true);
  const TaskSnapshotPtr first = fixture.cancelled();
  fixture.slice_takes = 500ms;
  fixture.advance(10s);
  fixture.wait_until_gone(first);
  const TaskSnapshotPtr second = fixture.cancelled();
  fixture.set_limits(keep_for(0ms));
  fixture.wait_until_gone(second);
  CHECK(fixture.is_known(owing));
}

TEST_CASE("retention: what was held back for a delivery is looked at again") {
  RetentionFixture fixture(keep_for(10s));
  const TaskSnapshotPtr owing = fixture.cancelled(true);
  const TaskSnapshotPtr free = fixture.cancelled();
  fixture.advance(10s);
  fixture.wait_until_gone(free);
  CHECK(fixture.is_known(owing));
  fixture.settle_delivery();
  // The rest begins when its round has ended, which may be now.
  while (fixture.is_known(owing)) fixture.advance(worker::RetentionService::held_back_rest);
}

}  // namespace longhaul::tests
