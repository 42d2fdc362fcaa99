// What commits tell, counted: by type, by outcome, once each.
#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

#include <string>

#include "api/limits.h"
#include "server/metrics/family_list.h"
#include "server/metrics/task_meters.h"
#include "tests/support/manual_clock.h"

namespace longhaul::tests {
namespace {

using api::AttemptOutcome;
using api::TaskState;
using server::FamilyList;
using server::TaskMeters;
using storage::TaskChange;

std::string text_of(FamilyList& list) { return prometheus::TextSerializer().Serialize(list.take_sorted()); }

// Commits in the order of calls.
struct Told {
  ManualClock clock;
  TaskMeters meters{{{"work", "echo"}, {"echo"}, &clock}};
  std::int64_t next_token = 1;

  void change(api::TaskSnapshot task, std::optional<TaskState> from, bool is_first = false,
              std::optional<AttemptOutcome> ended = {}) {
    const TaskChange told{from, std::make_shared<const api::TaskSnapshot>(std::move(task)), is_first, ended};
    meters.on_committed({&told, 1});
  }
  api::TaskSnapshot add(const std::string& type) {
    api::TaskSnapshot task;
    task.type = type;
    task.run_at = clock.wall();
    change(task, std::nullopt);
    return task;
  }
  api::TaskSnapshot claim(api::TaskSnapshot task) {
    task.state = TaskState::running;
    task.token = api::AttemptToken(next_token++);
    const bool is_first = !task.started_at;
    if (is_first) task.started_at = clock.wall();
    change(task, TaskState::queued, is_first);
    return task;
  }
  api::TaskSnapshot end(api::TaskSnapshot task, TaskState to, AttemptOutcome outcome) {
    const TaskState from = task.state;
    task.state = to;
    change(task, from, false, outcome);
    return task;
  }

  [[nodiscard]] bool says(const std::string& line) const {
    FamilyList list;
    list.append(meters.collect());
    const std::string text = text_of(list);
    CAPTURE(text);
    return text.find("\n" + line + "\n") != std::string::npos;
  }
};

}  // namespace

TEST_CASE("task meters: waits and runs by the right clocks") {
  Told told;
  api::TaskSnapshot task = told.add("work");
  told.clock.advance(std::chrono::seconds(2));
  task = told.claim(task);
  CHECK(told.says(R"(longhaul_task_wait_seconds_sum{type="work"} 2)"));
  CHECK(told.says(R"(longhaul_task_wait_seconds_bucket{type="work",le="1"} 0)"));
  CHECK(told.says(R"(longhaul_task_wait_seconds_bucket{type="work",le="3"} 1)"));
  CHECK(told.says(R"(longhaul_workers_busy{kind="command"} 1)"));
  told.clock.advance(std::chrono::seconds(30));
  told.clock.step_wall(std::chrono::hours(-5));  // does not show
  told.end(task, TaskState::succeeded, AttemptOutcome::succeeded);
  CHECK(told.says(R"(longhaul_attempt_run_seconds_sum{type="work"} 30)"));
  CHECK(told.says(R"(longhaul_attempt_run_seconds_bucket{type="work",le="10"} 0)"));
  CHECK(told.says(R"(longhaul_attempt_run_seconds_bucket{type="work",le="30"} 1)"));  // a bound is inside
  CHECK(told.says(R"(longhaul_workers_busy{kind="command"} 0)"));
  CHECK(told.says(R"(longhaul_tasks_finished_total{state="succeeded",type="work"} 1)"));
}

TEST_CASE("task meters: a wall clock that was set back makes no wait negative") {
  Told told;
  const api::TaskSnapshot task = told.add("work");
  told.clock.step_wall(std::chrono::hours(-1));
  told.claim(task);
  CHECK(told.says(R"(longhaul_task_wait_seconds_sum{type="work"} 0)"));
}

TEST_CASE("task meters: an attempt that is given back, and tried again, is two attempts and one wait") {
  Told told;
  api::TaskSnapshot task = told.claim(told.add("echo"));
  CHECK(told.says(R"(longhaul_workers_busy{kind="builtin"} 1)"));
  task = told.end(task, TaskState::queued, AttemptOutcome::released);
  CHECK(told.says(R"(longhaul_retries_total{type="echo"} 0)"));
  task = told.claim(task);
  task = told.end(task, TaskState::scheduled, AttemptOutcome::failed);
  CHECK(told.says(R"(longhaul_retries_total{type="echo"} 1)"));
  CHECK(told.says(R"(longhaul_attempts_started_total{type="echo"} 2)"));
  CHECK(told.says(R"(longhaul_task_wait_seconds_count{type="echo"} 1)"));
  CHECK(told.says(R"(longhaul_attempts_total{outcome="released",type="echo"} 1)"));
  CHECK(told.says(R"(longhaul_attempts_total{outcome="failed",type="echo"} 1)"));
  CHECK(told.says(R"(longhaul_workers_busy{kind="builtin"} 0)"));
}

TEST_CASE("task meters: what ends without a beginning that was seen") {
  Told told;
  api::TaskSnapshot task;
  task.type = "work";
  task.token = api::AttemptToken(77);
  task.state = TaskState::running;
  task = told.end(task, TaskState::failed, AttemptOutcome::lost);
  CHECK(told.says(R"(longhaul_attempts_total{outcome="lost",type="work"} 1)"));
  CHECK(told.says(R"(longhaul_attempt_run_seconds_count{type="work"} 0)"));
  CHECK(told.says(R"(longhaul_workers_busy{kind="command"} 0)"));
  task.state = TaskState::queued;
  told.change(task, TaskState::failed);
  CHECK(told.says(R"(longhaul_tasks_reopened_total{type="work"} 1)"));
}

TEST_CASE("task meters: types are bounded, and one that nobody was told of is other") {
  Told told;
  api::TaskSnapshot stranger;
  stranger.type = "gone";
  stranger.state = TaskState::cancelled;
  told.change(stranger, TaskState::queued);
  CHECK(told.says(R"x(longhaul_tasks_finished_total{state="cancelled",type="(other)"} 1)x"));
  for (std::size_t i = 0; i < api::limits::named_types + 10; ++i) told.add("t" + std::to_string(i));
  // Two were known before.
  CHECK(told.says(R"(longhaul_tasks_accepted_total{type="t0"} 1)"));
  CHECK(told.says(R"x(longhaul_tasks_accepted_total{type="(other)"} 12)x"));
}

TEST_CASE("task meters: attempts to deliver") {
  Told told;
  const std::vector<storage::TriedDelivery> tried = {
      {api::DeliveryKey(1), true, api::DeliveryStatus::pending, "TIMED_OUT", std::chrono::seconds(15)},
      {api::DeliveryKey(1), true, api::DeliveryStatus::delivered, "", std::chrono::seconds(1)},
      {api::DeliveryKey(2), true, api::DeliveryStatus::exhausted, "REDIRECT", std::chrono::seconds(1)},
      // Given up without an attempt.
      {api::DeliveryKey(3), false, api::DeliveryStatus::exhausted, "", std::chrono::seconds(0)}};
  told.meters.on_deliveries_tried(tried);
  CHECK(told.says(R"(longhaul_webhook_attempts_total{outcome="timed_out"} 1)"));
  CHECK(told.says(R"(longhaul_webhook_attempts_total{outcome="delivered"} 1)"));
  CHECK(told.says(R"(longhaul_webhook_attempts_total{outcome="redirect"} 1)"));
  CHECK(told.says(R"(longhaul_webhook_deliveries_total{status="exhausted"} 2)"));
  CHECK(told.says(R"(longhaul_webhook_attempt_seconds_sum 17)"));
  CHECK(told.says(R"(longhaul_webhook_attempt_seconds_count 3)"));
}

TEST_CASE("metrics text: labels and numbers are written as the format wants them") {
  FamilyList list;
  list.gauge("b_gauge", "Help.").sample({{"name", "a \"b\" \\ \n c"}}, 9'007'199'254'740'991.0);
  list.counter("a_total", "Help.").sample(0.1);
  storage::DurationCounts counts;
  counts.bounds_seconds = {0.5, 1};
  counts.counts = {2, 0, 1};
  counts.sum_seconds = 7.25;
  list.histogram("c_seconds", "Help.").sample(counts);
  const std::string text = text_of(list);
  CHECK(text.starts_with("# HELP a_total Help.\n# TYPE a_total counter\na_total 0.1\n# HELP b_gauge"));
  CHECK(text.find(R"(b_gauge{name="a \"b\" \\ \n c"} 9007199254740991)") != std::string::npos);
  CHECK(text.find("c_seconds_count 3\nc_seconds_sum 7.25\n") != std::string::npos);
  CHECK(text.find("c_seconds_bucket{le=\"0.5\"} 2\nc_seconds_bucket{le=\"1\"} 2\n") != std::string::npos);
  CHECK(text.ends_with("c_seconds_bucket{le=\"+Inf\"} 3\n"));
}

}  // namespace longhaul::tests
