// What a store tells of itself: exact as of the last commit, and of bounded length.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "api/limits.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

using api::DeliveryStatus;

NewTask in_queue(StoreFixture& fixture, const std::string& queue, const std::string& type = "work",
                 int priority = 0) {
  NewTask order = fixture.order();
  order.queue = queue;
  order.type = type;
  order.priority = priority;
  order.run_at = fixture.clock.wall();
  return order;
}

NewTask scheduled(StoreFixture& fixture, const std::string& queue) {
  NewTask order = in_queue(fixture, queue);
  order.due = fixture.store().now().steady + 1h;
  return order;
}

const QueueCounts::Line* line_of(const QueueCounts& counts, const std::string& queue) {
  const auto found = std::ranges::find(counts.named, queue, &QueueCounts::Line::queue);
  return found == counts.named.end() ? nullptr : &*found;
}

std::int64_t of(const TasksByState& tasks, TaskState state) { return tasks[static_cast<std::size_t>(state)]; }

std::uint64_t total(const DurationCounts& counts) {
  return std::accumulate(counts.counts.begin(), counts.counts.end(), std::uint64_t{0});
}

std::vector<TaskChange> claims(StoreFixture& fixture) {
  auto changes = fixture.recorder().take();
  std::erase_if(changes, [](const TaskChange& change) { return change.task->state != TaskState::running; });
  return changes;
}

}  // namespace

TEST_CASE_TEMPLATE("only the first claim of a budget is called the first", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 2;
  const TaskSnapshotPtr task = fixture.add(order);
  fixture.finish(fixture.start(task), AttemptOutcome::released);  // in the same millisecond, and refunded
  fixture.finish(fixture.start(task), AttemptOutcome::failed);
  fixture.sweep();
  fixture.finish(fixture.start(task), AttemptOutcome::failed);
  auto seen = claims(fixture);
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].is_first_claim);
  CHECK_FALSE(seen[1].is_first_claim);
  CHECK_FALSE(seen[2].is_first_claim);
  fixture.retry(task);
  fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
  seen = claims(fixture);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].is_first_claim);
}

TEST_CASE_TEMPLATE("the end of an attempt is told once, with its outcome", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto ended = [&fixture] {
    std::vector<AttemptOutcome> outcomes;
    for (const TaskChange& change : fixture.recorder().take()) {
      if (change.ended) outcomes.push_back(*change.ended);
    }
    return outcomes;
  };
  using Outcomes = std::vector<AttemptOutcome>;
  for (const auto outcome : {AttemptOutcome::succeeded, AttemptOutcome::failed, AttemptOutcome::lost,
                             AttemptOutcome::timed_out, AttemptOutcome::released}) {
    fixture.finish(fixture.start(fixture.add()), outcome);
    CHECK(ended() == Outcomes{outcome});
  }
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  fixture.cancel(running);
  CHECK(ended().empty());
  fixture.finish(running, AttemptOutcome::failed);
  CHECK(ended() == Outcomes{AttemptOutcome::cancelled});
  // A late report changes nothing, and is not told of.
  fixture.finish(running, AttemptOutcome::succeeded);
  CHECK(ended().empty());
  // Without an attempt there is none to end.
  fixture.cancel(fixture.add());
  CHECK(ended().empty());
}

TEST_CASE_TEMPLATE("queues have lines of their own, up to a number", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const std::size_t most = api::limits::named_queues;
  std::vector<TaskSnapshotPtr> tasks;
  for (std::size_t i = 0; i < most + 10; ++i)
    tasks.push_back(fixture.add(scheduled(fixture, "q" + std::to_string(i))));
  QueueCounts counts = fixture.store().queue_counts();
  CHECK(counts.named.size() == most);
  CHECK(of(counts.others, TaskState::scheduled) == 10);
  CHECK(of(counts.all, TaskState::scheduled) == static_cast<std::int64_t>(most) + 10);

  // One that has become idle keeps its line, with nothing in it, until another needs it.
  fixture.cancel(tasks[0]);
  counts = fixture.store().queue_counts();
  REQUIRE(line_of(counts, "q0") != nullptr);
  CHECK(of(line_of(counts, "q0")->tasks, TaskState::scheduled) == 0);
  tasks.push_back(fixture.add(scheduled(fixture, "q" + std::to_string(most))));
  counts = fixture.store().queue_counts();
  CHECK(line_of(counts, "q0") == nullptr);
  REQUIRE(line_of(counts, "q" + std::to_string(most)) != nullptr);
  CHECK(of(line_of(counts, "q" + std::to_string(most))->tasks, TaskState::scheduled) == 2);
  CHECK(of(counts.others, TaskState::scheduled) == 9);

  // And with nothing left there is nothing left.
  for (const TaskSnapshotPtr& task : tasks) fixture.cancel(task);
  counts = fixture.store().queue_counts();
  CHECK(counts.named.size() == most);
  CHECK(std::ranges::all_of(counts.others, [](std::int64_t n) { return n == 0; }));
  for (const auto& line : counts.named) CHECK(of(line.tasks, TaskState::scheduled) == 0);
  CHECK(fixture.store().counts().by_queue.empty());
  CHECK(of(counts.all, TaskState::cancelled) == static_cast<std::int64_t>(tasks.size()));
}

TEST_CASE_TEMPLATE("lines of queues are the same after a restart", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  fixture.add(scheduled(fixture, "a"));
  fixture.add(in_queue(fixture, "a"));
  fixture.start(fixture.add(in_queue(fixture, "b")));
  fixture.reopen();
  const QueueCounts counts = fixture.store().queue_counts();
  REQUIRE(line_of(counts, "a") != nullptr);
  REQUIRE(line_of(counts, "b") != nullptr);
  CHECK(of(line_of(counts, "a")->tasks, TaskState::scheduled) == 1);
  CHECK(of(line_of(counts, "a")->tasks, TaskState::queued) == 1);
  CHECK(of(line_of(counts, "b")->tasks, TaskState::running) == 1);
}

TEST_CASE_TEMPLATE("the oldest of a queue is found in whatever lane it is", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto oldest = [&fixture](const std::vector<std::string>& queues) {
    return fixture.store().stored_figures(queues).value();
  };
  CHECK_FALSE(oldest({"a"}).oldest_due.at(0).has_value());
  const WallTime begin = fixture.clock.wall();
  const TaskSnapshotPtr first = fixture.add(in_queue(fixture, "a", "t2", -100));
  fixture.clock.advance(1s);
  const TaskSnapshotPtr second = fixture.add(in_queue(fixture, "a", "t1", 100));
  fixture.clock.advance(1s);
  for (int priority = -20; priority <= 20; ++priority) fixture.add(in_queue(fixture, "a", "t3", priority));
  fixture.clock.advance(1s);
  fixture.add(in_queue(fixture, "b"));
  fixture.add(scheduled(fixture, "c"));

  auto found = oldest({"a", "b", "c"});
  CHECK(found.oldest_due.at(0) == begin);
  CHECK(found.oldest_due.at(1) == begin + 3s);
  CHECK_FALSE(found.oldest_due.at(2).has_value());
  CHECK_FALSE(found.oldest_due_of_others.has_value());
  CHECK(oldest({"b"}).oldest_due_of_others == begin);
  CHECK(oldest({}).oldest_due_of_others == begin);

  fixture.start(first);
  CHECK(oldest({"a"}).oldest_due.at(0) == begin + 1s);
  fixture.start(second);
  CHECK(oldest({"a"}).oldest_due.at(0) == begin + 2s);
}

TEST_CASE_TEMPLATE("commits, deliveries and removals are counted", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const StoreFigures before = fixture.store().figures();
  NewTask order = fixture.order();
  order.callback = api::Callback{"https://example.com/", api::WebhookEvents::final_ones()};
  const TaskSnapshotPtr task = fixture.add(order);
  fixture.finish(fixture.start(task), AttemptOutcome::failed);
  StoreFigures figures = fixture.store().figures();
  CHECK(total(figures.commits) == total(before.commits) + 3);
  CHECK(figures.committed_requests == before.committed_requests + 3);
  CHECK(figures.commits.counts.size() == figures.commits.bounds_seconds.size() + 1);
  CHECK(std::ranges::is_sorted(figures.commits.bounds_seconds));
  CHECK(figures.failed_commits == 0);
  CHECK(figures.owed_deliveries == 1);
  CHECK(figures.waiting_requests == 0);
  CHECK(figures.database_bytes > 0);
  CHECK(figures.log_bytes > 0);
  CHECK(figures.free_disk_bytes > 0);

  fixture.reopen();
  CHECK(fixture.store().figures().owed_deliveries == 1);
  CHECK(total(fixture.store().figures().commits) == 0);
  DeliveryReport report;
  report.key = fixture.owed().at(0).key;
  report.attempt.emplace();
  report.attempt->duration = 45ms;
  report.attempt->error = "BAD_STATUS";
  report.backoff = 0ms;
  CHECK(fixture.record_delivery(report));
  CHECK(fixture.store().figures().owed_deliveries == 1);
  report.status = DeliveryStatus::delivered;
  report.attempt->error.clear();
  CHECK(fixture.record_delivery(report));
  CHECK_FALSE(fixture.record_delivery(report));  // it is over: not noted, and not told of
  CHECK(fixture.store().figures().owed_deliveries == 0);
  const auto tried = fixture.recorder().take_tried();
  REQUIRE(tried.size() == 2);
  CHECK(tried[0].error == "BAD_STATUS");
  CHECK(tried[0].status == DeliveryStatus::pending);
  CHECK(tried[1].error.empty());
  CHECK(tried[1].status == DeliveryStatus::delivered);
  CHECK(tried[1].duration == 45ms);

  fixture.clock.advance(1h);
  RetentionLimits limits;
  limits.keep.fill(1min);
  Answer<PurgeOutcome> purged;
  fixture.store().retention().purge({limits, std::nullopt}, purged.done());
  CHECK(purged.wait().value().tasks == 1);
  figures = fixture.store().figures();
  CHECK(figures.removed == std::array<std::uint64_t, 4>{0, 1, 0, 0});
  fixture.makes_its_own_ids = true;  // the removed one is not to be looked for
}

}  // namespace longhaul::tests
