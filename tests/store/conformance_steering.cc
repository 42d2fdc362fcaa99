// Cancel, retry, and idempotency keys.
#include <doctest/doctest.h>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {

TEST_CASE_TEMPLATE("cancel answers by where the task is", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto unknown = std::make_shared<TaskSnapshot>();
  CHECK(fixture.cancel(unknown).verdict == CancelVerdict::unknown);

  const TaskSnapshotPtr queued = fixture.add();
  const CancelOutcome now = fixture.cancel(queued, "not needed");
  CHECK(now.verdict == CancelVerdict::cancelled_now);
  CHECK(now.task->state == TaskState::cancelled);
  CHECK(now.task->error.value().code == "CANCELLED");
  CHECK(now.task->error->reason == "not needed");
  CHECK(now.task->finished_at == fixture.clock.wall());
  const CancelOutcome again = fixture.cancel(queued, "another reason");
  CHECK(again.verdict == CancelVerdict::already_cancelled);
  CHECK(describe(*again.task) == describe(*now.task));

  NewTask later = fixture.order();
  later.due = fixture.store().now().steady + 1h;
  CHECK(fixture.cancel(fixture.add(later)).verdict == CancelVerdict::cancelled_now);

  const TaskSnapshotPtr done = fixture.start(fixture.add());
  fixture.finish(done, AttemptOutcome::succeeded);
  const CancelOutcome late = fixture.cancel(done);
  CHECK(late.verdict == CancelVerdict::already_final);
  CHECK(late.task->state == TaskState::succeeded);
  CHECK(late.task->result);
}

TEST_CASE_TEMPLATE("cancel of a running task is cancelling until it has stopped", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  const CancelOutcome first = fixture.cancel(running, "mine");
  CHECK(first.verdict == CancelVerdict::cancelling);
  CHECK(first.task->state == TaskState::cancelling);
  CHECK(first.task->stop_reason == "mine");
  const CancelOutcome second = fixture.cancel(running, "yours");
  CHECK(second.verdict == CancelVerdict::cancelling);
  CHECK(second.task->revision == first.task->revision);

  fixture.reopen();  // durable
  CHECK(fixture.find(running)->stop_cause == api::StopCause::cancel);
  const TaskSnapshotPtr ended = fixture.finish(running, AttemptOutcome::failed).task;
  CHECK(ended->state == TaskState::cancelled);
  CHECK(ended->error.value().reason == "mine");
  CHECK(fixture.cancel(running).verdict == CancelVerdict::already_cancelled);
}

TEST_CASE_TEMPLATE("a retry opens a task that did not succeed, with a fresh budget", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.tags = {{"a", "b"}};
  const TaskSnapshotPtr task = fixture.add(order);
  const TaskSnapshotPtr failed = fixture.finish(fixture.start(task), AttemptOutcome::failed).task;
  REQUIRE(failed->state == TaskState::failed);
  fixture.clock.advance(1min);

  const RetryOutcome outcome = fixture.retry(task);
  CHECK(outcome.verdict == RetryVerdict::retried);
  const TaskSnapshot& again = *outcome.task;
  CHECK(again.state == TaskState::queued);
  CHECK(again.attempt == 0);
  CHECK(again.revision == failed->revision + 1);
  CHECK(again.run_at == fixture.clock.wall());
  CHECK(again.created_at == task->created_at);
  CHECK_FALSE(again.started_at);
  CHECK_FALSE(again.finished_at);
  CHECK_FALSE(again.error);
  CHECK(again.tags == order.tags);

  const TaskSnapshotPtr running = fixture.start(task);
  CHECK(running->attempt == 1);
  CHECK(fixture.finish(running, AttemptOutcome::succeeded).task->state == TaskState::succeeded);
  CHECK(fixture.detail(task).attempts.size() == 2);
  CHECK(fixture.retry(task).verdict == RetryVerdict::not_retryable);
}

TEST_CASE_TEMPLATE("only what is over and did not succeed can be retried", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  CHECK(fixture.retry(std::make_shared<TaskSnapshot>()).verdict == RetryVerdict::unknown);
  const TaskSnapshotPtr task = fixture.add();
  CHECK(fixture.retry(task).verdict == RetryVerdict::not_retryable);
  const TaskSnapshotPtr running = fixture.start(task);
  CHECK(fixture.retry(task).verdict == RetryVerdict::not_retryable);
  fixture.cancel(task);
  CHECK(fixture.retry(task).verdict == RetryVerdict::not_retryable);
  fixture.finish(running, AttemptOutcome::failed);
  CHECK(fixture.retry(task).verdict == RetryVerdict::retried);
  fixture.cancel(task);
  CHECK(fixture.retry(task).verdict == RetryVerdict::retried);
}

TEST_CASE_TEMPLATE("relative deadlines and expiries start anew with a retry", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.relative_deadline = 10min;
  order.deadline = fixture.store().now().steady + 10min;
  order.deadline_at = fixture.clock.wall() + 10min;
  order.relative_expiry = 1min;
  order.expiry = fixture.store().now().steady + 1min;
  const TaskSnapshotPtr task = fixture.add(order);
  fixture.clock.advance(1h);
  fixture.sweep();
  CHECK(fixture.find(task)->error.value().code == "EXPIRED_BEFORE_START");

  const TaskSnapshotPtr again = fixture.retry(task).task;
  CHECK(again->deadline == api::Due(fixture.store().now().steady + 10min));
  CHECK(again->deadline_at == fixture.clock.wall() + 10min);
  CHECK(again->expiry == api::Due(fixture.store().now().steady + 1min));
  fixture.clock.advance(2min);
  fixture.sweep();
  CHECK(fixture.find(task)->state == TaskState::timed_out);
}

TEST_CASE_TEMPLATE("a date that has passed refuses a retry, unless the order gives another", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  NewTask order = fixture.order();
  order.deadline_at = fixture.clock.wall() + 1min;
  order.deadline = api::Due(*order.deadline_at);
  const TaskSnapshotPtr task = fixture.add(order);
  fixture.cancel(task);
  CHECK(fixture.retry(task).task->deadline == order.deadline);  // still to come: kept
  fixture.cancel(task);
  fixture.clock.advance(1min);

  const RetryOutcome refused = fixture.retry(task);
  CHECK(refused.verdict == RetryVerdict::deadline_passed);
  CHECK(refused.task->state == TaskState::cancelled);
  CHECK(fixture.retry({task->id, {}, fixture.clock.wall() - 1s}).verdict == RetryVerdict::deadline_passed);

  const RetryOutcome with_date = fixture.retry({task->id, {}, fixture.clock.wall() + 1h});
  CHECK(with_date.verdict == RetryVerdict::retried);
  CHECK(with_date.task->deadline == api::Due(fixture.clock.wall() + 1h));
  fixture.cancel(task);
  const RetryOutcome with_duration = fixture.retry({task->id, 5min, {}});
  CHECK(with_duration.task->deadline == api::Due(fixture.store().now().steady + 5min));
  CHECK(with_duration.task->deadline_at == fixture.clock.wall() + 5min);
  // The duration is the task's own from now on.
  fixture.cancel(task);
  fixture.clock.advance(10min);
  CHECK(fixture.retry(task).task->deadline == api::Due(fixture.store().now().steady + 5min));
}

TEST_CASE_TEMPLATE("an idempotency key answers with its task, as it is now", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto keyed = [&](const std::string& scope, const std::string& key, const std::string& hash) {
    NewTask order = fixture.order();
    order.idempotency = IdempotencyBinding{scope, key, hash};
    return fixture.enqueue(order);
  };
  const std::string hash("\x00\xff", 2);
  const EnqueueOutcome first = keyed("me /start-task", "k1", hash);
  CHECK(first.verdict == EnqueueVerdict::created);
  fixture.finish(fixture.start(first.task), AttemptOutcome::succeeded);

  const EnqueueOutcome replay = keyed("me /start-task", "k1", hash);
  CHECK(replay.verdict == EnqueueVerdict::replayed);
  CHECK(replay.task->id == first.task->id);
  CHECK(replay.task->state == TaskState::succeeded);
  const EnqueueOutcome reused = keyed("me /start-task", "k1", "other");
  CHECK(reused.verdict == EnqueueVerdict::key_reused);
  CHECK_FALSE(reused.task);
  CHECK(keyed("you /start-task", "k1", "other").verdict == EnqueueVerdict::created);
  CHECK(keyed("me /start-task", "k2", hash).verdict == EnqueueVerdict::created);

  fixture.reopen();
  CHECK(keyed("me /start-task", "k1", hash).verdict == EnqueueVerdict::replayed);
  CHECK(fixture.store().counts().by_state[TaskState::queued] == 2);
}

TEST_CASE_TEMPLATE("with no room for a new task, a bound key is still answered for", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto keyed = [&](const std::string& key, const std::string& hash, bool without_room) {
    NewTask order = fixture.order();
    order.idempotency = IdempotencyBinding{"me /start-task", key, hash};
    order.without_room = without_room;
    return fixture.enqueue(order);
  };
  const EnqueueOutcome first = keyed("k1", "hash", false);
  const EnqueueOutcome replay = keyed("k1", "hash", true);
  CHECK(replay.verdict == EnqueueVerdict::replayed);
  CHECK(replay.task->id == first.task->id);
  CHECK(keyed("k1", "other", true).verdict == EnqueueVerdict::key_reused);

  const EnqueueOutcome refused = keyed("k2", "hash", true);
  CHECK(refused.verdict == EnqueueVerdict::no_room);
  CHECK_FALSE(refused.task);
  CHECK(fixture.store().counts().by_state[TaskState::queued] == 1);
  CHECK(keyed("k2", "hash", false).verdict == EnqueueVerdict::created);
}

TEST_CASE_TEMPLATE("two starts with one key in the same moment make one task", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<Answer<EnqueueOutcome>> answers(50);
  for (auto& answer : answers) {
    NewTask order = fixture.order();
    order.idempotency = IdempotencyBinding{"s", "k", "h"};
    fixture.store().enqueue(order, answer.done());
  }
  int created = 0;
  std::optional<TaskId> id;
  for (auto& answer : answers) {
    const EnqueueOutcome outcome = answer.wait().value();
    if (outcome.verdict == EnqueueVerdict::created) ++created;
    CHECK((!id || *id == outcome.task->id));
    id = outcome.task->id;
  }
  CHECK(created == 1);
}

}  // namespace longhaul::tests
