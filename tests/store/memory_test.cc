// What the store keeps in memory: recent tasks and counts; and the steady timeline.
#include <doctest/doctest.h>

#include <memory>

#include "storage/recent_tasks.h"
#include "storage/steady_offset.h"
#include "storage/task_counts.h"
#include "tests/support/manual_clock.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language
using namespace std::chrono_literals;

TaskSnapshotPtr task(int n, std::int64_t revision = 1) {
  api::TaskSnapshot snapshot;
  snapshot.key = TaskKey(n);
  snapshot.id = TaskId::make(std::chrono::milliseconds(n), 0, 0);
  snapshot.revision = revision;
  snapshot.queue = "q";
  return std::make_shared<const api::TaskSnapshot>(snapshot);
}

void put(RecentTasks& recent, const TaskSnapshotPtr& snapshot) { recent.put(std::span(&snapshot, 1)); }

}  // namespace

TEST_CASE("recent tasks: the latest snapshot, by id and by key") {
  RecentTasks recent(1'000'000);
  const TaskSnapshotPtr first = task(1);
  put(recent, first);
  CHECK(recent.find(first->id) == first);
  CHECK(recent.find(first->key) == first);
  const TaskSnapshotPtr second = task(1, 2);
  put(recent, second);
  CHECK(recent.find(first->id) == second);
  CHECK_FALSE(recent.find(task(2)->id));
  CHECK(recent.bytes() == bytes_of(*second));
}

TEST_CASE("recent tasks: bounded by bytes, the least recently wanted goes first") {
  const std::size_t one = bytes_of(*task(1));
  RecentTasks recent(3 * one);
  for (int n = 1; n <= 3; ++n) put(recent, task(n));
  CHECK(recent.find(TaskKey(1)));
  put(recent, task(4));
  CHECK(recent.find(TaskKey(1)));
  CHECK_FALSE(recent.find(TaskKey(2)));
  CHECK(recent.find(TaskKey(3)));
  CHECK(recent.bytes() == 3 * one);
}

TEST_CASE("recent tasks: one with a big result is forgotten") {
  RecentTasks recent(1'000'000);
  put(recent, task(1));
  auto big = *task(1, 2);
  big.result = RawJson{std::string(RecentTasks::max_result_bytes + 1, 'x')};
  put(recent, std::make_shared<const api::TaskSnapshot>(big));
  CHECK_FALSE(recent.find(TaskKey(1)));
  CHECK(recent.bytes() == 0);
  big.result->text.pop_back();
  put(recent, std::make_shared<const api::TaskSnapshot>(big));
  CHECK(recent.find(TaskKey(1)));
}

TEST_CASE("task counts: follow changes and forget empty queues") {
  TaskCounts counts;
  auto running = *task(1);
  running.state = TaskState::running;
  auto done = running;
  done.state = TaskState::succeeded;
  const std::vector<TaskChange> changes = {
      {std::nullopt, task(1)}, {TaskState::queued, std::make_shared<const api::TaskSnapshot>(running)}};
  counts.apply(changes);
  CHECK(counts.read().by_state[TaskState::running] == 1);
  CHECK(counts.read().by_state[TaskState::queued] == 0);
  CHECK(counts.read().by_queue["q"][TaskState::running] == 1);
  counts.apply(
      std::vector<TaskChange>{{TaskState::running, std::make_shared<const api::TaskSnapshot>(done)}});
  CHECK(counts.read().by_state[TaskState::succeeded] == 1);
  CHECK(counts.read().by_queue.empty());
}

TEST_CASE("steady time: chosen at the first start on a boot, kept for the later ones") {
  ManualClock clock;
  const SteadyOffset first = choose_steady_offset(std::nullopt, "a", clock);
  CHECK(steady_now(first, clock).time_since_epoch() == clock.wall().time_since_epoch());
  clock.step_wall(-5h);
  clock.advance(7ms);
  const SteadyOffset second = choose_steady_offset(first, "a", clock);
  CHECK(second == first);
  CHECK(steady_now(second, clock).time_since_epoch() == clock.wall().time_since_epoch() + 5h);
  const SteadyOffset after_reboot = choose_steady_offset(first, "b", clock);
  CHECK(steady_now(after_reboot, clock).time_since_epoch() == clock.wall().time_since_epoch());
  // A machine that does not tell its boots apart has a new one each time.
  CHECK(steady_now(choose_steady_offset(SteadyOffset{"", {}}, "", clock), clock).time_since_epoch() ==
        clock.wall().time_since_epoch());
}

}  // namespace longhaul::tests
