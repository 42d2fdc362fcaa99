// Removal of what is past its time: what goes, what stays, and what is said of it afterwards.
#include <doctest/doctest.h>

#include <string>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

RetentionLimits keep_all_for(Milliseconds time) {
  RetentionLimits limits;
  limits.keep.fill(time);
  return limits;
}

PurgeOutcome purge_slice(StoreFixture& fixture, const RetentionLimits& limits,
                         std::optional<PurgePosition> position) {
  Answer<PurgeOutcome> answer;
  fixture.store().retention().purge({limits, position}, answer.done());
  auto outcome = answer.wait();
  REQUIRE(outcome);
  return *outcome;
}

struct Round {
  std::int64_t tasks = 0;
  std::int64_t keys = 0;
  std::int64_t held_back = 0;
  int slices = 0;
  std::optional<WallTime> next;
};
Round purge(StoreFixture& fixture, const RetentionLimits& limits) {
  Round round;
  std::optional<PurgePosition> position;
  do {
    const PurgeOutcome outcome = purge_slice(fixture, limits, position);
    round.tasks += outcome.tasks;
    round.keys += outcome.keys;
    round.held_back += outcome.held_back;
    ++round.slices;
    round.next = outcome.next;
    position = outcome.position;
  } while (position);
  return round;
}

bool is_known(StoreFixture& fixture, const TaskSnapshotPtr& task) {
  const bool stored = fixture.store().find(task->id).value() != nullptr;
  if (!stored) CHECK(fixture.store().recent(task->id) == nullptr);
  return stored;
}

TaskSnapshotPtr succeed(StoreFixture& fixture, NewTask order) {
  return fixture.finish(fixture.start(fixture.add(std::move(order))), AttemptOutcome::succeeded).task;
}
TaskSnapshotPtr succeed(StoreFixture& fixture) { return succeed(fixture, fixture.order()); }
TaskSnapshotPtr fail(StoreFixture& fixture) {
  return fixture.finish(fixture.start(fixture.add()), AttemptOutcome::failed).task;
}

NewTask order_with_key(StoreFixture& fixture, const std::string& key) {
  NewTask order = fixture.order();
  order.idempotency = IdempotencyBinding{"anyone /start-task", key, std::string(32, 'h')};
  return order;
}

}  // namespace

TEST_CASE_TEMPLATE("a finished task goes when its time is over, by its final state", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  RetentionLimits limits;
  limits.keep = {10s, 20s, 30s, std::nullopt};
  const TaskSnapshotPtr succeeded = succeed(fixture);
  const TaskSnapshotPtr failed = fail(fixture);
  const TaskSnapshotPtr cancelled = fixture.cancel(fixture.add()).task;
  NewTask late = fixture.order();
  late.expiry = api::Due(fixture.store().now().steady);
  const TaskSnapshotPtr timed_out = fixture.add(late);
  fixture.sweep();
  REQUIRE(fixture.find(timed_out)->state == TaskState::timed_out);
  const TaskSnapshotPtr queued = fixture.add();
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  const WallTime ended = fixture.clock.wall();

  fixture.clock.advance(10s - 1ms);
  CHECK(purge(fixture, limits).tasks == 0);
  CHECK(purge(fixture, limits).next == ended + 10s);
  fixture.clock.advance(1ms);
  CHECK(purge(fixture, limits).tasks == 1);
  CHECK_FALSE(is_known(fixture, succeeded));
  CHECK(purge(fixture, limits).next == ended + 20s);
  fixture.clock.advance(10s);
  CHECK(purge(fixture, limits).tasks == 1);
  CHECK_FALSE(is_known(fixture, failed));
  CHECK(is_known(fixture, cancelled));
  fixture.clock.advance(1000h);
  const Round last = purge(fixture, limits);
  CHECK(last.tasks == 1);
  CHECK_FALSE(last.next);
  CHECK_FALSE(is_known(fixture, cancelled));
  CHECK(is_known(fixture, timed_out));
  CHECK(is_known(fixture, queued));
  CHECK(is_known(fixture, running));

  CHECK(fixture.cancel(succeeded).verdict == CancelVerdict::unknown);
  CHECK(fixture.retry(failed).verdict == RetryVerdict::unknown);
  CHECK_FALSE(fixture.store().find_detail(succeeded->id).value());
  CHECK_FALSE(fixture.store().find_logs(succeeded->id, 0, 10).value());
  CHECK(fixture.store().list({}).value().tasks.size() == 3);
  CHECK(fixture.store().counts().by_state.at(TaskState::succeeded) == 0);
}

TEST_CASE_TEMPLATE("a task that was opened again is not finished", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr failed = fail(fixture);
  fixture.clock.advance(10s);
  REQUIRE(fixture.retry(failed).verdict == RetryVerdict::retried);
  CHECK(purge(fixture, keep_all_for(1s)).tasks == 0);
  CHECK(is_known(fixture, failed));
}

TEST_CASE_TEMPLATE("all that belongs to a task goes with it", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.tags = {{"customer", "17"}, {"kind", "report"}};
  order.callback = api::Callback{"https://example.com/done", api::WebhookEvents::final_ones()};
  const TaskSnapshotPtr running = fixture.start(fixture.add(order));
  fixture.store().append_log(running->key, running->token, {{1, fixture.clock.wall(), "stderr", "a line"}},
                             1'000);
  const TaskSnapshotPtr done = fixture.finish(running, AttemptOutcome::succeeded).task;
  const std::vector<OwedDelivery> owed = fixture.owed();
  REQUIRE(owed.size() == 1);
  fixture.clock.advance(10s);
  const Round held = purge(fixture, keep_all_for(1s));
  CHECK(held.tasks == 0);
  CHECK_MESSAGE(held.held_back == 1, "its delivery is still owed");
  CHECK(is_known(fixture, done));

  DeliveryReport report;
  report.key = owed.front().key;
  report.status = api::DeliveryStatus::delivered;
  report.attempt.emplace().started_at = fixture.clock.wall();
  REQUIRE(fixture.record_delivery(report));
  CHECK(purge(fixture, keep_all_for(1s)).tasks == 1);
  CHECK_FALSE(is_known(fixture, done));
  CHECK_FALSE(fixture.store().outbox().deliveries_of(done->id).value());
  api::TaskQuery by_tag;
  by_tag.filter.tags = {{"customer", "17"}};
  CHECK(fixture.store().list(by_tag).value().tasks.empty());
}

TEST_CASE_TEMPLATE("those that are held back do not hold up others", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int i = 0; i < 300; ++i) {
    NewTask order = fixture.order();
    order.callback = api::Callback{"https://example.com/done", api::WebhookEvents::final_ones()};
    succeed(fixture, order);
  }
  for (int i = 0; i < 300; ++i) succeed(fixture);
  fixture.clock.advance(10s);
  const Round round = purge(fixture, keep_all_for(1s));
  CHECK(round.tasks == 300);
  CHECK(round.held_back == 300);
  CHECK_FALSE(round.next);
}

TEST_CASE_TEMPLATE("a key outlives its task by a day, and says that it is gone", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const RetentionLimits limits = keep_all_for(48h);
  succeed(fixture, order_with_key(fixture, "k"));
  fixture.add();  // so that the keys of tasks go on behind it when the store is opened anew
  fixture.clock.advance(48h - 1ms);
  CHECK(purge(fixture, limits).keys == 0);
  CHECK(fixture.enqueue(order_with_key(fixture, "k")).verdict == EnqueueVerdict::replayed);
  fixture.clock.advance(1ms);
  const WallTime gone = fixture.clock.wall();
  const Round round = purge(fixture, limits);
  CHECK(round.tasks == 1);
  CHECK(round.next == gone + 24h);
  CHECK(fixture.enqueue(order_with_key(fixture, "k")).verdict == EnqueueVerdict::task_gone);
  NewTask other = order_with_key(fixture, "k");
  other.idempotency->body_hash = std::string(32, 'o');
  CHECK(fixture.enqueue(other).verdict == EnqueueVerdict::key_reused);

  fixture.reopen();
  fixture.clock.advance(24h - 1ms);
  CHECK(purge(fixture, limits).keys == 0);
  CHECK(fixture.enqueue(order_with_key(fixture, "k")).verdict == EnqueueVerdict::task_gone);
  fixture.clock.advance(1ms);
  CHECK(purge(fixture, limits).keys == 1);
  CHECK(fixture.enqueue(order_with_key(fixture, "k")).verdict == EnqueueVerdict::created);
}

TEST_CASE_TEMPLATE("a round goes in slices, and each is short", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  constexpr int many = 1'000;
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < many; ++i) tasks.push_back(fixture.cancel(fixture.add()).task);
  fixture.clock.advance(10s);
  PurgeOutcome outcome = purge_slice(fixture, keep_all_for(1s), {});
  CHECK(outcome.tasks > 0);
  CHECK(outcome.tasks <= 200);
  REQUIRE(outcome.position);
  // The longest finished first.
  CHECK_FALSE(is_known(fixture, tasks.front()));
  CHECK(is_known(fixture, tasks.back()));
  std::int64_t removed = outcome.tasks;
  while (outcome.position) {
    outcome = purge_slice(fixture, keep_all_for(1s), outcome.position);
    removed += outcome.tasks;
  }
  CHECK(removed == many);
  CHECK(fixture.store().list({}).value().tasks.empty());
}

TEST_CASE_TEMPLATE("a very long log goes first, in slices", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  constexpr std::size_t lines = 20'000;
  fixture.store().append_log(
      running->key, running->token,
      std::vector<api::LogLine>(lines, {0, fixture.clock.wall(), "stderr", std::string(20, 'x')}),
      10'000'000);
  const TaskSnapshotPtr done = fixture.finish(running, AttemptOutcome::succeeded).task;
  fixture.clock.advance(10s);
  const PurgeOutcome outcome = purge_slice(fixture, keep_all_for(1s), {});
  CHECK(outcome.tasks == 0);
  REQUIRE(outcome.position);
  CHECK(is_known(fixture, done));
  const auto page = fixture.store().find_logs(done->id, 0, lines + 1).value();
  CHECK(page->truncated);
  CHECK(page->lines.size() > 1'000);
  CHECK(page->lines.size() < lines);
  CHECK(purge(fixture, keep_all_for(1s)).tasks == 1);
  CHECK_FALSE(is_known(fixture, done));
}

TEST_CASE_TEMPLATE("a key of a task is never used again", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr last = fixture.cancel(fixture.add()).task;
  fixture.clock.advance(10s);
  REQUIRE(purge(fixture, keep_all_for(1s)).tasks == 1);
  CHECK(fixture.add()->key > last->key);
}

TEST_CASE_TEMPLATE("a task has nothing of one that is gone, also when the store was opened anew", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto run = [&](std::size_t max_log_bytes) {
    const TaskSnapshotPtr running = fixture.start(fixture.add());
    fixture.store().append_log(running->key, running->token, {{1, fixture.clock.wall(), "stderr", "a line"}},
                               max_log_bytes);
    return fixture.finish(running, AttemptOutcome::succeeded).task;
  };
  const TaskSnapshotPtr cut = run(0);
  REQUIRE(fixture.store().find_logs(cut->id, 0, 10).value()->truncated);
  fixture.clock.advance(10s);
  REQUIRE(purge(fixture, keep_all_for(1s)).tasks == 1);
  fixture.reopen();
  const TaskSnapshotPtr next = run(1'000);
  const auto page = fixture.store().find_logs(next->id, 0, 10).value();
  CHECK(page->lines.size() == 1);
  CHECK_FALSE(page->truncated);
}

TEST_CASE_TEMPLATE("without limits everything is kept", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  succeed(fixture);
  fixture.clock.advance(100'000h);
  const Round round = purge(fixture, {});
  CHECK(round.tasks == 0);
  CHECK(round.slices == 1);
  CHECK_FALSE(round.next);
}

TEST_CASE_TEMPLATE("over its size the database loses what ended first, whatever its state", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  RetentionLimits limits;
  limits.max_bytes = 8 * 1024 * 1024;
  std::vector<TaskSnapshotPtr> tasks;
  for (int i = 0; i < 300; ++i) {
    NewTask order = fixture.order();
    order.payload = RawJson{'"' + std::string(50'000, 'x') + '"'};
    const TaskSnapshotPtr task = fixture.add(order);
    tasks.push_back(i % 3 == 0 ? fixture.cancel(task).task
                               : fixture
                                     .finish(fixture.start(task),
                                             i % 3 == 1 ? AttemptOutcome::succeeded : AttemptOutcome::failed)
                                     .task);
    fixture.clock.advance(1ms);
  }
  const TaskSnapshotPtr queued = fixture.add();
  const Round round = purge(fixture, limits);
  CHECK(round.tasks > 100);
  CHECK(round.tasks < 200);
  for (std::size_t i = 0; i < tasks.size(); ++i)
    CHECK(is_known(fixture, tasks[i]) == (i >= static_cast<std::size_t>(round.tasks)));
  CHECK(is_known(fixture, queued));
  CHECK_MESSAGE(purge(fixture, limits).tasks == 0, "it is small enough now");
}

}  // namespace longhaul::tests
