// Attempts: claimed and counted, ended in every way, fenced by their token.
#include <doctest/doctest.h>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {

TEST_CASE_TEMPLATE("a start is kept as it came and is queued", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.priority = -7;
  order.timeout = 90s;
  order.max_attempts = 3;
  order.tags = {{"customer", "Ærø \"7\""}, {"kind", ""}};
  order.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  order.payload = RawJson{R"({"big":12345678901234567890.10,"text":"\u0000"})"};

  const EnqueueOutcome outcome = fixture.enqueue(order);
  CHECK(outcome.verdict == EnqueueVerdict::created);
  const TaskSnapshot& task = *outcome.task;
  CHECK(task.state == TaskState::queued);
  CHECK(task.revision == 1);
  CHECK(task.attempt == 0);
  CHECK(task.token == AttemptToken(0));
  CHECK(task.tags == order.tags);
  CHECK(describe(*fixture.find(outcome.task)) == describe(task));
  CHECK(fixture.detail(outcome.task).payload == order.payload);

  const auto claimed = fixture.claim(outcome.task);
  REQUIRE(claimed);
  CHECK(claimed->payload == order.payload);
  CHECK(claimed->traceparent == order.traceparent);
}

TEST_CASE_TEMPLATE("the largest and the emptiest texts are kept", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.payload = RawJson{'"' + std::string(1024 * 1024 - 2, 'x') + '"'};
  const TaskSnapshotPtr task = fixture.add(order);
  const auto claimed = fixture.claim(task);
  REQUIRE(claimed);
  CHECK(claimed->payload == order.payload);
  AttemptEnd end = StoreFixture::end_of(claimed->task, AttemptOutcome::succeeded);
  end.result = order.payload;
  CHECK(fixture.finish(end).task->result == order.payload);
  CHECK(fixture.find(task)->result == order.payload);
  CHECK_MESSAGE(!fixture.store().recent(task->id), "a big result does not belong in memory");
}

TEST_CASE_TEMPLATE("a claim counts the attempt and gives it a token", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr first = fixture.add();
  const TaskSnapshotPtr second = fixture.add();
  fixture.clock.advance(5s);
  const TaskSnapshotPtr running = fixture.start(first);
  CHECK(running->state == TaskState::running);
  CHECK(running->attempt == 1);
  CHECK(running->revision == 2);
  CHECK(running->started_at == fixture.clock.wall());
  CHECK(running->token > AttemptToken(0));
  CHECK(fixture.start(second)->token > running->token);

  const api::TaskDetail detail = fixture.detail(first);
  REQUIRE(detail.attempts.size() == 1);
  CHECK(detail.attempts[0].token == running->token);
  CHECK(detail.attempts[0].attempt == 1);
  CHECK(detail.attempts[0].outcome == AttemptOutcome::running);
  CHECK(detail.attempts[0].worker == "local");
  CHECK(detail.attempts[0].started_at == fixture.clock.wall());
  CHECK_FALSE(detail.attempts[0].finished_at);
}

TEST_CASE_TEMPLATE("a claim takes what is queued and nothing else, in order", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr a = fixture.add();
  const TaskSnapshotPtr b = fixture.add();
  fixture.start(b);
  Answer<ClaimOutcome> answer;
  fixture.store().claim({{b->key, "x"}, {TaskKey(999'999), "x"}, {a->key, "y"}, {a->key, "z"}},
                        answer.done());
  const ClaimOutcome outcome = answer.wait().value();
  REQUIRE(outcome.size() == 4);
  CHECK_FALSE(outcome[0]);
  CHECK_FALSE(outcome[1]);
  REQUIRE(outcome[2]);
  CHECK(outcome[2]->task->id == a->id);
  CHECK_FALSE(outcome[3]);
  CHECK(fixture.detail(a).attempts.size() == 1);
}

TEST_CASE_TEMPLATE("success ends the task and its attempt", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr task = fixture.add();
  const TaskSnapshotPtr running = fixture.start(task);
  fixture.clock.advance(3s);
  AttemptEnd end = StoreFixture::end_of(running, AttemptOutcome::succeeded);
  end.exit_code = 0;
  end.use = {123'456, 0.25};
  const FinishOutcome outcome = fixture.finish(end);
  CHECK(outcome.verdict == FinishVerdict::applied);
  CHECK(outcome.task->state == TaskState::succeeded);
  CHECK(outcome.task->result == end.result);
  CHECK(outcome.task->finished_at == fixture.clock.wall());
  CHECK(outcome.task->revision == 3);
  CHECK(describe(*fixture.find(task)) == describe(*outcome.task));

  const api::AttemptRecord attempt = fixture.detail(task).attempts.at(0);
  CHECK(attempt.outcome == AttemptOutcome::succeeded);
  CHECK(attempt.finished_at == fixture.clock.wall());
  CHECK(attempt.exit_code == 0);
  CHECK(attempt.use.peak_memory_bytes == 123'456);
  CHECK(attempt.use.cpu_seconds == 0.25);
  CHECK_FALSE(attempt.error);
}

TEST_CASE_TEMPLATE("a failure is tried again after its backoff, as long as attempts are left", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 2;
  const TaskSnapshotPtr task = fixture.add(order);
  AttemptEnd end = StoreFixture::end_of(fixture.start(task), AttemptOutcome::failed);
  end.backoff = 30s;
  end.error->exit_code = 3;
  const TaskSnapshotPtr waiting = fixture.finish(end).task;
  CHECK(waiting->state == TaskState::scheduled);
  CHECK(waiting->attempt == 1);
  CHECK(waiting->due == api::Due(fixture.store().now().steady + 30s));
  CHECK(waiting->run_at == fixture.clock.wall() + 30s);
  CHECK_FALSE(waiting->error);

  fixture.sweep();
  CHECK(fixture.find(task)->state == TaskState::scheduled);
  fixture.clock.advance(30s);
  fixture.sweep();
  const TaskSnapshotPtr last = fixture.start(task);
  CHECK(last->attempt == 2);
  const TaskSnapshotPtr failed = fixture.finish(last, AttemptOutcome::failed).task;
  CHECK(failed->state == TaskState::failed);
  REQUIRE(failed->error);
  CHECK(failed->error->code == "EXIT_CODE");

  const api::TaskDetail detail = fixture.detail(task);
  REQUIRE(detail.attempts.size() == 2);
  CHECK(detail.attempts[0].outcome == AttemptOutcome::failed);
  CHECK(detail.attempts[0].error.value().exit_code == 3);
  CHECK(detail.attempts[1].attempt == 2);
}

TEST_CASE_TEMPLATE("what is not retryable fails at once", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 5;
  const TaskSnapshotPtr task = fixture.add(order);
  CHECK(fixture.finish(fixture.start(task), AttemptOutcome::failed, false).task->state == TaskState::failed);
}

TEST_CASE_TEMPLATE("a lost worker costs an attempt and says so", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 2;
  const TaskSnapshotPtr task = fixture.add(order);
  CHECK(fixture.finish(fixture.start(task), AttemptOutcome::lost).task->state == TaskState::scheduled);
  fixture.sweep();  // no backoff: due at once
  const TaskSnapshotPtr ended = fixture.finish(fixture.start(task), AttemptOutcome::lost).task;
  CHECK(ended->state == TaskState::failed);
  CHECK(ended->error.value().code == "WORKER_LOST");
  for (const auto& attempt : fixture.detail(task).attempts) CHECK(attempt.outcome == AttemptOutcome::lost);
}

TEST_CASE_TEMPLATE("a timeout with attempts left is tried again; the last one ends the task", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 2;
  const TaskSnapshotPtr task = fixture.add(order);
  AttemptEnd end = StoreFixture::end_of(fixture.start(task), AttemptOutcome::timed_out);
  end.error.reset();
  CHECK(fixture.finish(end).task->state == TaskState::scheduled);
  fixture.sweep();
  end = StoreFixture::end_of(fixture.start(task), AttemptOutcome::timed_out);
  end.error.reset();
  const TaskSnapshotPtr ended = fixture.finish(end).task;
  CHECK(ended->state == TaskState::timed_out);
  CHECK(ended->error.value().code == "ATTEMPT_TIMED_OUT");
  for (const auto& attempt : fixture.detail(task).attempts) {
    CHECK(attempt.outcome == AttemptOutcome::timed_out);
    CHECK(attempt.error.value().code == "ATTEMPT_TIMED_OUT");
  }
}

TEST_CASE_TEMPLATE("an attempt given back is refunded, its token is not", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr task = fixture.add();
  const TaskSnapshotPtr first = fixture.start(task);
  const TaskSnapshotPtr queued = fixture.finish(first, AttemptOutcome::released).task;
  CHECK(queued->state == TaskState::queued);
  CHECK(queued->attempt == 0);
  const TaskSnapshotPtr second = fixture.start(task);
  CHECK(second->attempt == 1);
  CHECK(second->token > first->token);
  CHECK(fixture.detail(task).attempts.at(0).outcome == AttemptOutcome::released);
}

TEST_CASE_TEMPLATE("a token that is no longer current changes nothing", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.max_attempts = 3;
  const TaskSnapshotPtr task = fixture.add(order);
  const TaskSnapshotPtr first = fixture.start(task);
  fixture.finish(first, AttemptOutcome::lost);
  const auto refused_all_over = [&] {
    const std::string before = describe(*fixture.find(task));
    const FinishOutcome finish = fixture.finish(first, AttemptOutcome::succeeded);
    CHECK(finish.verdict == FinishVerdict::refused);
    REQUIRE(finish.task);
    CHECK(describe(*finish.task) == before);
    CHECK(fixture.stop_attempt(first, api::StopCause::timeout).verdict == FinishVerdict::refused);
    fixture.store().record_progress(first->key, first->token, {50.0, "late", fixture.clock.wall()});
    fixture.store().record_process(first->key, first->token, {1, 2, "boot-1"});
    fixture.sweep();
    CHECK(describe(*fixture.find(task)).find("late") == std::string::npos);
  };
  refused_all_over();  // queued again by the sweep in it
  CHECK(fixture.find(task)->state == TaskState::queued);
  const TaskSnapshotPtr second = fixture.start(task);
  refused_all_over();
  fixture.finish(second, AttemptOutcome::succeeded);
  refused_all_over();
  CHECK(fixture.finish(second, AttemptOutcome::succeeded).verdict == FinishVerdict::refused);
  CHECK(fixture.detail(task).attempts.at(0).outcome == AttemptOutcome::lost);
}

TEST_CASE_TEMPLATE("an attempt of an unknown task is refused without one", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  AttemptEnd end;
  end.key = TaskKey(4711);
  end.token = AttemptToken(1);
  const FinishOutcome outcome = fixture.finish(end);
  CHECK(outcome.verdict == FinishVerdict::refused);
  CHECK_FALSE(outcome.task);
}

TEST_CASE_TEMPLATE("a stop keeps its first cause, and a late success goes into the attempt only", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  struct Case {
    api::StopCause cause;
    TaskState ends_as;
    const char* code;
    AttemptOutcome attempt;
  };
  const Case cases[] = {
      {api::StopCause::timeout, TaskState::timed_out, "ATTEMPT_TIMED_OUT", AttemptOutcome::timed_out},
      {api::StopCause::deadline, TaskState::timed_out, "DEADLINE_EXCEEDED", AttemptOutcome::timed_out},
      {api::StopCause::cancel, TaskState::cancelled, "CANCELLED", AttemptOutcome::cancelled}};
  for (const Case& expected : cases) {
    for (const AttemptOutcome told :
         {AttemptOutcome::failed, AttemptOutcome::succeeded, AttemptOutcome::cancelled,
          AttemptOutcome::timed_out, AttemptOutcome::lost, AttemptOutcome::released}) {
      const TaskSnapshotPtr running = fixture.start(fixture.add());
      const TaskSnapshotPtr stopping = fixture.stop_attempt(running, expected.cause).task;
      CHECK(stopping->state == TaskState::cancelling);
      const FinishOutcome again = fixture.stop_attempt(running, api::StopCause::deadline);
      CHECK(again.verdict == FinishVerdict::applied);
      CHECK(describe(*again.task) == describe(*stopping));

      AttemptEnd end = StoreFixture::end_of(running, told);
      end.signal = 15;
      const TaskSnapshotPtr ended = fixture.finish(end).task;
      CHECK(ended->state == expected.ends_as);
      CHECK_FALSE(ended->result);
      CHECK(ended->error.value().code == expected.code);
      CHECK(ended->error->signal == 15);
      const api::AttemptRecord attempt = fixture.detail(running).attempts.at(0);
      const bool kept = told == AttemptOutcome::succeeded || told == AttemptOutcome::lost;
      CHECK(attempt.outcome == (kept ? told : expected.attempt));
    }
  }
}

TEST_CASE_TEMPLATE("the process of an attempt is found again", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr with_process = fixture.start(fixture.add());
  const TaskSnapshotPtr without = fixture.start(fixture.add());
  const ProcessIdentity process{4242, 987'654'321, "boot-1"};
  fixture.store().record_process(with_process->key, with_process->token, process);
  fixture.stop_attempt(with_process, api::StopCause::timeout);
  fixture.finish(fixture.start(fixture.add()), AttemptOutcome::succeeded);
  fixture.add();

  fixture.reopen();
  const auto open = fixture.store().open_attempts().value();
  REQUIRE(open.size() == 2);
  CHECK(open[0].task->id == with_process->id);
  CHECK(open[0].task->state == TaskState::cancelling);
  CHECK(open[0].process == process);
  CHECK(open[0].worker == "local");
  CHECK(open[1].task->id == without->id);
  CHECK_FALSE(open[1].process);
  // Taken up again after the restart, tokens go on above the old ones.
  CHECK(fixture.finish(without, AttemptOutcome::released).verdict == FinishVerdict::applied);
  CHECK(fixture.start(without)->token > without->token);
}

}  // namespace longhaul::tests
