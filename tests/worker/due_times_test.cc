#include "worker/due_times.h"

#include <doctest/doctest.h>

using namespace longhaul;
using api::TaskSnapshot;
using api::TaskState;
using base::Milliseconds;
using base::SteadyTime;
using base::WallTime;
using worker::DueTimes;

namespace {

WallTime wall(int ms) { return WallTime(Milliseconds(ms)); }
SteadyTime steady(int ms) { return SteadyTime(Milliseconds(ms)); }

TaskSnapshot task_in(TaskState state) {
  TaskSnapshot task;
  task.state = state;
  task.due = api::Due(wall(100));
  task.deadline = api::Due(steady(200));
  task.expiry = api::Due(steady(150));
  return task;
}

}  // namespace

TEST_CASE("due times: each state has its own moments") {
  struct Row {
    TaskState state;
    std::optional<WallTime> wall;
    std::optional<SteadyTime> steady;
  };
  const Row rows[] = {
      {TaskState::scheduled, wall(100), steady(150)},     {TaskState::queued, std::nullopt, steady(150)},
      {TaskState::running, std::nullopt, steady(200)},    {TaskState::cancelling, std::nullopt, std::nullopt},
      {TaskState::succeeded, std::nullopt, std::nullopt}, {TaskState::timed_out, std::nullopt, std::nullopt},
  };
  for (const Row& row : rows) {
    DueTimes times;
    times.note(task_in(row.state));
    CAPTURE(api::to_text(row.state));
    CHECK(times.next_wall() == row.wall);
    CHECK(times.next_steady() == row.steady);
  }
}

TEST_CASE("due times: a task that has started does not expire") {
  DueTimes times;
  TaskSnapshot task = task_in(TaskState::queued);
  task.started_at = wall(1);
  times.note(task);
  CHECK(times.next_steady() == steady(200));
}

TEST_CASE("due times: due at the moment itself, on either timeline") {
  DueTimes times;
  CHECK_FALSE(times.is_due({wall(1'000'000), steady(1'000'000)}));
  times.note(task_in(TaskState::scheduled));
  CHECK_FALSE(times.is_due({wall(99), steady(149)}));
  CHECK(times.is_due({wall(100), steady(0)}));
  CHECK(times.is_due({wall(0), steady(150)}));
}

TEST_CASE("due times: a sweep's answer replaces what was known, but not what was committed behind it") {
  DueTimes times;
  times.note(task_in(TaskState::scheduled));
  times.sweep_ordered();
  TaskSnapshot later;
  later.state = TaskState::scheduled;
  later.due = api::Due(wall(120));
  times.note(later);  // in the same transaction, behind the sweep: its answer does not know of it
  times.swept({false, wall(500), std::nullopt});
  CHECK(times.next_wall() == wall(120));
  CHECK(times.next_steady() == std::nullopt);

  times.sweep_ordered();
  times.swept({false, wall(500), steady(700)});
  CHECK(times.next_wall() == wall(500));
  CHECK(times.next_steady() == steady(700));
}
