// A disk that is full, or does not sync.
#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <string>

#include "storage/sqlite/sqlite_store.h"
#include "tests/store/store_fixture.h"
#include "tests/support/power_loss_disk.h"

namespace longhaul::tests {
namespace {

// On a disk in memory; the lock file is on a real one.
class DiskEngine final : public StoreEngine {
 public:
  explicit DiskEngine(const std::string& name) : disk(name, 1) {}
  [[nodiscard]] base::Result<std::unique_ptr<Store>> open(const OpenOptions& options) override {
    SqliteOptions sqlite;
    sqlite.path = folder_ / "longhaul.db";
    sqlite.vfs = disk.vfs_name();
    sqlite.clock = options.clock;
    sqlite.boot_id = options.boot_id;
    sqlite.min_free_bytes = 4 * 1024 * 1024;
    sqlite.free_bytes = [this] {
      return keeps_a_reserve ? capacity - disk.bytes_in_use() : std::numeric_limits<std::uint64_t>::max();
    };
    sqlite.on_fatal = [this](const std::string&) { ++fatal_calls; };
    return open_sqlite_store(sqlite);
  }

  void set_capacity(std::size_t bytes) {
    capacity = bytes;
    disk.set_capacity(bytes);
  }

  PowerLossDisk disk;
  bool keeps_a_reserve = true;
  std::atomic<std::size_t> capacity = 1'000'000'000;
  std::atomic<int> fatal_calls = 0;

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("sqlite: a nearly full disk refuses starts, and lets what runs come to its end") {
  auto owned = std::make_unique<DiskEngine>("nearly-full-disk");
  DiskEngine& engine = *owned;
  StoreFixture fixture(std::move(owned));
  std::vector<TaskSnapshotPtr> queued;
  std::vector<TaskSnapshotPtr> running;
  for (int i = 0; i < 100; ++i) queued.push_back(fixture.add());
  for (int i = 0; i < 100; ++i) running.push_back(fixture.start(fixture.add()));

  engine.set_capacity(engine.disk.bytes_in_use() + 12'000'000);
  int accepted = 0;
  const auto start_big = [&] {
    NewTask order = fixture.order();
    order.payload = RawJson{'"' + std::string(100'000, 'x') + '"'};
    Answer<EnqueueOutcome> answer;
    fixture.store().enqueue(order, answer.done());
    return answer.wait();
  };
  auto result = start_big();
  for (; result.ok(); result = start_big()) ++accepted;
  CHECK(accepted > 10);
  CHECK(result.error().fault == StoreFault::storage_full);
  CHECK(result.error().message.find("4 MiB") != std::string::npos);
  for (const TaskSnapshotPtr& task : queued)
    CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelled_now);
  for (const TaskSnapshotPtr& task : running) {
    CHECK(fixture.finish(task, AttemptOutcome::succeeded).verdict == FinishVerdict::applied);
  }
  CHECK_FALSE(start_big().ok());
  engine.set_capacity(engine.disk.bytes_in_use() + 12'000'000);
  CHECK(start_big().ok());
}

TEST_CASE("sqlite: a full disk is an answer, not an end") {
  auto owned = std::make_unique<DiskEngine>("full-disk");
  DiskEngine& engine = *owned;
  engine.keeps_a_reserve = false;
  StoreFixture fixture(std::move(owned));
  const TaskSnapshotPtr task = fixture.add();
  engine.set_capacity(engine.disk.bytes_in_use());
  for (int i = 0; i < 20; ++i) {
    Answer<EnqueueOutcome> answer;
    NewTask order = fixture.order();
    order.payload = RawJson{'"' + std::string(100'000, 'x') + '"'};
    fixture.store().enqueue(order, answer.done());
    CHECK(answer.wait().error().fault == StoreFault::storage_full);
  }
  CHECK(fixture.store().list({}).value().tasks.size() == 1);
  engine.set_capacity(engine.disk.bytes_in_use() + 10'000'000);
  CHECK(fixture.cancel(task).verdict == CancelVerdict::cancelled_now);
  CHECK(fixture.add()->state == TaskState::queued);
  CHECK(engine.fatal_calls == 0);
  fixture.reopen();
}

TEST_CASE("sqlite: a start without room does not take others of its batch with it") {
  auto owned = std::make_unique<DiskEngine>("half-full-disk");
  DiskEngine& engine = *owned;
  engine.keeps_a_reserve = false;
  StoreFixture fixture(std::move(owned));
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(fixture.add());
  engine.set_capacity(engine.disk.bytes_in_use() + 8'000'000);

  std::promise<void> held;
  std::promise<void> open;
  fixture.store().load_ready({"x", "x", {}, 1}, [&](const StoreResult<std::vector<ReadyTask>>&) {
    held.set_value();
    open.get_future().wait();
  });
  held.get_future().wait();
  std::vector<Answer<CancelOutcome>> cancels(tasks.size());
  std::vector<Answer<EnqueueOutcome>> starts(3);
  for (auto& start : starts) {
    NewTask order = fixture.order();
    order.payload = RawJson{'"' + std::string(10'000'000, 'x') + '"'};  // NOLINT(bugprone-string-constructor)
    fixture.store().enqueue(order, start.done());
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) fixture.store().cancel(tasks[i]->id, "", cancels[i].done());
  open.set_value();
  for (auto& cancel : cancels) CHECK(cancel.wait().value().verdict == CancelVerdict::cancelled_now);
  for (auto& start : starts) CHECK(start.wait().error().fault == StoreFault::storage_full);
  CHECK(engine.fatal_calls == 0);
}

TEST_CASE("sqlite: a sync that fails is fatal: nothing more is answered as written") {
  ManualClock clock;
  DiskEngine engine("unsynced-disk");
  auto store = engine.open({&clock}).value();
  REQUIRE(store->start());
  const auto start = [&](std::uint16_t n) {
    NewTask order;
    order.id = TaskId::make(clock.wall().time_since_epoch(), n, n);
    order.type = "t";
    order.queue = "q";
    order.payload = RawJson{"null"};
    Answer<EnqueueOutcome> answer;
    store->enqueue(order, answer.done());
    return answer.wait();
  };
  CHECK(start(1).ok());
  engine.disk.refuse_syncs(true);
  CHECK(start(2).error().fault == StoreFault::unavailable);
  engine.disk.refuse_syncs(false);
  CHECK_MESSAGE(start(3).error().fault == StoreFault::unavailable,
                "a sync that works again proves nothing about the one before");
  CHECK(engine.fatal_calls == 1);
  CHECK(store->counts().by_state[TaskState::queued] == 1);
  store->stop();
  store.reset();

  store = engine.open({&clock}).value();
  REQUIRE(store->start());
  CHECK(store->find(TaskId::make(clock.wall().time_since_epoch(), 1, 1)).value());
  CHECK(start(4).ok());
  store->stop();
}

}  // namespace longhaul::tests
