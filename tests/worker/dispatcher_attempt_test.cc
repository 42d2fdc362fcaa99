// What becomes of attempts: retries, timeouts, deadlines, expiry.
#include <doctest/doctest.h>

#include <thread>

#include "api/task_error.h"
#include "tests/worker/dispatcher_fixture.h"

using namespace longhaul;
using namespace std::chrono_literals;
using api::AttemptOutcome;
using tests::DispatcherFixture;
using tests::TaskState;
using States = std::vector<TaskState>;
using S = TaskState;

TEST_CASE("dispatcher: a failed attempt waits for its backoff and is tried again, until none is left") {
  DispatcherFixture fixture;
  fixture.random = 700;  // draws 700 ms of the first second, of the first two seconds...
  fixture.start_dispatcher();
  const auto task = fixture.add();
  api::AttemptToken token{0};
  for (int attempt = 1; attempt <= 3; ++attempt) {
    CAPTURE(attempt);
    token = fixture.commands.wait_for_begin(task->id, token);
    CHECK(fixture.commands.order_of(token).attempt == attempt);
    fixture.commands.fail(token);
    if (attempt == 3) break;
    const auto waiting = fixture.history.wait_for_state(task->id, S::scheduled);
    CHECK(std::get<base::SteadyTime>(*waiting->due) == fixture.store().now().steady + 700ms);
    const auto reason = fixture.explain(task);
    CHECK(reason->reason == "retry_backoff");
    fixture.advance(699ms);
    fixture.settle();
    CHECK(fixture.history.states_of(task->id).back() == S::scheduled);
    fixture.advance(1ms);
  }
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::failed);
  CHECK(end->error->code == "BROKEN");
  CHECK(end->attempt == 3);
  CHECK(fixture.history.states_of(task->id) == States{S::queued, S::running, S::scheduled, S::queued,
                                                      S::running, S::scheduled, S::queued, S::running,
                                                      S::failed});
}

TEST_CASE("dispatcher: a failure for good is not tried again; a loss is") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  const auto broken = fixture.add();
  fixture.commands.fail(fixture.commands.wait_for_begin(broken->id), false);
  CHECK(fixture.history.wait_for_end(broken->id)->attempt == 1);

  const auto lost = fixture.add();
  const auto token = fixture.commands.wait_for_begin(lost->id);
  fixture.commands.lose(token);
  fixture.history.wait_for_state(lost->id, S::scheduled);
  fixture.advance(1'000ms);
  fixture.commands.succeed(fixture.commands.wait_for_begin(lost->id, token));
  fixture.history.wait_for_state(lost->id, S::succeeded);
  CHECK(fixture.detail(lost).attempts.at(0).outcome == AttemptOutcome::lost);
  CHECK(fixture.detail(lost).attempts.at(0).error->code == api::task_error::worker_lost);
}

TEST_CASE("dispatcher: a timeout with attempts left stops the attempt and tries again") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 5'000ms;
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  fixture.advance(4'999ms);
  fixture.settle();
  CHECK_FALSE(fixture.commands.was_stopped(token));
  fixture.advance(1ms);
  fixture.commands.wait_for_stop(token);
  fixture.settle();
  CHECK(fixture.history.states_of(task->id).back() == S::running);  // it has not gone yet
  CHECK(fixture.dispatcher().load_of_queue("default").running == 1);

  SUBCASE("it is killed") { fixture.commands.lose(token); }
  SUBCASE("it leaves with success, for it was told to stop") { fixture.commands.succeed(token, "\"half\""); }
  SUBCASE("it leaves with a failure for good") { fixture.commands.fail(token, false); }
  fixture.history.wait_for_state(task->id, S::scheduled);
  const auto attempt = fixture.detail(task).attempts.at(0);
  CHECK(attempt.outcome == AttemptOutcome::timed_out);
  CHECK(attempt.error->code == api::task_error::attempt_timed_out);
  CHECK(attempt.error->message == "the attempt took longer than its limit of 5 s");
  fixture.advance(1'000ms);
  fixture.commands.succeed(fixture.commands.wait_for_begin(task->id, token));
  fixture.history.wait_for_state(task->id, S::succeeded);
}

TEST_CASE("dispatcher: the timeout of the last attempt ends the task, once it has stopped") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 5'040ms;
  order.max_attempts = 1;
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  fixture.advance(5'040ms);
  const auto cancelling = fixture.history.wait_for_state(task->id, S::cancelling);
  CHECK(cancelling->stop_cause == api::StopCause::timeout);
  fixture.commands.wait_for_stop(token);
  fixture.settle();
  CHECK(fixture.history.states_of(task->id).back() == S::cancelling);

  SUBCASE("killed") { fixture.commands.lose(token); }
  SUBCASE("a late success does not count") { fixture.commands.succeed(token); }
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::timed_out);
  CHECK(end->error->code == api::task_error::attempt_timed_out);
  CHECK(end->error->message == "the attempt took longer than its limit of 5.04 s");
  CHECK_FALSE(end->result.has_value());
}

TEST_CASE("dispatcher: the type's timeout holds when the task brings none") {
  DispatcherFixture fixture;
  fixture.add_type("work").timeout = 100ms;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  fixture.advance(100ms);
  fixture.commands.wait_for_stop(token);
}

TEST_CASE("dispatcher: work that was reported before its time was up has not timed out") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 5'000ms;
  order.max_attempts = 1;
  const auto task = fixture.add(order);
  fixture.commands.succeed(fixture.commands.wait_for_begin(task->id));
  fixture.advance(10'000ms);
  CHECK(fixture.history.wait_for_end(task->id)->state == S::succeeded);
}

TEST_CASE("dispatcher: each attempt has its own time") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.timeout = 5'000ms;
  const auto task = fixture.add(order);
  const auto first = fixture.commands.wait_for_begin(task->id);
  fixture.advance(4'000ms);
  fixture.commands.fail(first);
  fixture.history.wait_for_state(task->id, S::scheduled);
  fixture.advance(1'000ms);
  const auto second = fixture.commands.wait_for_begin(task->id, first);
  fixture.advance(4'999ms);
  fixture.settle();
  CHECK_FALSE(fixture.commands.was_stopped(second));
}

TEST_CASE("dispatcher: a task that is not due waits, on its own timeline") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto by_date = fixture.order();
  by_date.due = api::Due(fixture.clock.wall() + 60s);
  by_date.run_at = fixture.clock.wall() + 60s;
  const auto dated = fixture.add(by_date);
  auto by_delay = fixture.order();
  by_delay.due = api::Due(fixture.store().now().steady + 60s);
  by_delay.run_at = fixture.clock.wall() + 60s;
  const auto delayed = fixture.add(by_delay);
  CHECK(fixture.explain(dated)->reason == "not_due");
  CHECK(fixture.explain(delayed)->reason == "not_due");
  fixture.settle();
  CHECK(fixture.commands.begun().empty());

  SUBCASE("time passes") {
    fixture.advance(59'999ms);
    fixture.settle();
    CHECK(fixture.commands.begun().empty());
    fixture.advance(1ms);
    fixture.commands.wait_for_begin(dated->id);
    fixture.commands.wait_for_begin(delayed->id);
  }
  SUBCASE("the wall clock is set forward: the date has come, the delay has not passed") {
    fixture.step_wall(3'600'000ms);
    fixture.commands.wait_for_begin(dated->id);
    fixture.settle();
    CHECK(fixture.history.states_of(delayed->id).back() == S::scheduled);
    fixture.advance(60'000ms);
    fixture.commands.wait_for_begin(delayed->id);
  }
  SUBCASE("the wall clock is set back") {
    fixture.step_wall(-3'600'000ms);
    fixture.advance(60'000ms);
    fixture.commands.wait_for_begin(delayed->id);
    fixture.settle();
    CHECK(fixture.history.states_of(dated->id).back() == S::scheduled);
    fixture.advance(3'600'000ms);
    fixture.commands.wait_for_begin(dated->id);
  }
}

TEST_CASE("dispatcher: a deadline ends a task before its start") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  const auto blocker = fixture.add();
  fixture.commands.wait_for_begin(blocker->id);
  auto queued = fixture.order();
  queued.deadline = api::Due(fixture.store().now().steady + 10s);
  const auto waiting = fixture.add(queued);
  auto scheduled = fixture.order();
  scheduled.due = api::Due(fixture.clock.wall() + 60s);
  scheduled.deadline = api::Due(fixture.clock.wall() + 10s);
  const auto not_due = fixture.add(scheduled);
  fixture.advance(9'999ms);
  fixture.settle();
  CHECK(fixture.history.states_of(waiting->id).back() == S::queued);
  CHECK(fixture.history.states_of(not_due->id).back() == S::scheduled);
  fixture.advance(1ms);
  for (const auto& task : {waiting, not_due}) {
    const auto end = fixture.history.wait_for_end(task->id);
    CHECK(end->state == S::timed_out);
    CHECK(end->error->code == api::task_error::deadline_exceeded);
    CHECK_FALSE(end->started_at.has_value());
  }
}

TEST_CASE("dispatcher: a deadline stops a running task, and its cause stays") {
  DispatcherFixture fixture;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.deadline = api::Due(fixture.clock.wall() + 10s);
  order.timeout = 10'000ms;
  const auto task = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(task->id);
  SUBCASE("by time") { fixture.advance(9'000ms); }
  SUBCASE("by the wall clock being set") { fixture.step_wall(9'000ms); }
  fixture.settle();
  CHECK_FALSE(fixture.commands.was_stopped(token));
  fixture.step_wall(1'000ms);
  fixture.commands.wait_for_stop(token);
  CHECK(fixture.history.states_of(task->id).back() == S::cancelling);
  fixture.advance(100'000ms);  // the timeout comes too late
  fixture.settle();
  fixture.commands.lose(token);
  const auto end = fixture.history.wait_for_end(task->id);
  CHECK(end->state == S::timed_out);
  CHECK(end->error->code == api::task_error::deadline_exceeded);
}

TEST_CASE("dispatcher: a deadline ends a task that waits for its next attempt") {
  DispatcherFixture fixture;
  fixture.random = 900;
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.deadline = api::Due(fixture.store().now().steady + 500ms);
  const auto task = fixture.add(order);
  fixture.commands.fail(fixture.commands.wait_for_begin(task->id));
  fixture.history.wait_for_state(task->id, S::scheduled);
  fixture.advance(500ms);
  CHECK(fixture.history.wait_for_end(task->id)->state == S::timed_out);
}

TEST_CASE("dispatcher: a task that has not started in time expires; one that has does not") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  auto order = fixture.order();
  order.expiry = api::Due(fixture.store().now().steady + 10s);
  const auto started = fixture.add(order);
  const auto token = fixture.commands.wait_for_begin(started->id);
  order.id = fixture.order().id;
  const auto waiting = fixture.add(order);
  fixture.advance(10'000ms);
  const auto end = fixture.history.wait_for_end(waiting->id);
  CHECK(end->state == S::timed_out);
  CHECK(end->error->code == api::task_error::expired_before_start);
  fixture.commands.succeed(token);
  CHECK(fixture.history.wait_for_end(started->id)->state == S::succeeded);
}

TEST_CASE("dispatcher: more falls due at once than a sweep takes") {
  DispatcherFixture fixture;
  fixture.types.set_queue("default", {1});
  fixture.start_dispatcher();
  std::vector<api::TaskId> ids;
  for (int i = 0; i < 3'000; ++i) {
    auto order = fixture.order();
    order.due = api::Due(fixture.store().now().steady + 60s);
    order.deadline = api::Due(fixture.store().now().steady + 10s);
    ids.push_back(order.id);
    fixture.store().enqueue(order, [](auto) {});
  }
  for (const auto& id : ids) fixture.history.wait_for_state(id, S::scheduled);
  fixture.advance(10'000ms);
  for (const auto& id : ids) CHECK(fixture.history.wait_for_end(id)->state == S::timed_out);
  CHECK(fixture.commands.begun().empty());
}

TEST_CASE("dispatcher: log lines and progress of the present attempt are kept, others are not") {
  DispatcherFixture fixture;
  fixture.add_type("work").max_log_bytes = 200;
  fixture.start_dispatcher();
  const auto task = fixture.add();
  const auto token = fixture.commands.wait_for_begin(task->id);
  auto& sink = static_cast<worker::AttemptSink&>(fixture.dispatcher());
  const auto line = [&](const std::string& text) {
    return std::vector{api::LogLine{0, fixture.clock.wall(), "stderr", text}};
  };
  sink.on_log(task->key, token, line("one"));
  sink.on_log(task->key, api::AttemptToken(token.get() + 1), line("a stranger's"));
  sink.on_progress(task->key, token, {50.0, "half", fixture.clock.wall()});
  sink.on_log(task->key, token, line(std::string(1'000, 'x')));  // over the type's cap
  fixture.commands.succeed(token);
  const auto end = fixture.history.wait_for_state(task->id, S::succeeded);
  CHECK(end->progress->percent == 50.0);
  fixture.settle();
  sink.on_log(task->key, token, line("too late"));
  fixture.settle();
  const auto page = fixture.store().find_logs(task->id, 0, 100).value().value();
  REQUIRE(page.lines.size() == 1);
  CHECK(page.lines[0].text == "one");
  CHECK(page.truncated);
}
