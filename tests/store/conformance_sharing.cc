// Starts that are answered with a task that is there already, and what only the start that made it may do.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

NewTask with_unique_key(StoreFixture& fixture, const std::string& key, const std::string& type = "work") {
  NewTask order = fixture.order();
  order.type = type;
  order.unique_key = key;
  return order;
}

NewTask private_one(StoreFixture& fixture) {
  NewTask order = fixture.order();
  order.is_private = true;
  return order;
}

CancelOutcome cancel_private(StoreFixture& fixture, const TaskId& id, const std::string& reason = "gone") {
  Answer<CancelOutcome> answer;
  fixture.store().cancel_private(id, reason, answer.done());
  return answer.wait().value();
}
CancelOutcome cancel_private(StoreFixture& fixture, const TaskSnapshotPtr& task) {
  return cancel_private(fixture, task->id);
}

}  // namespace

TEST_CASE_TEMPLATE("a unique key answers with its task for as long as that is unfinished", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr task = fixture.add(with_unique_key(fixture, "k"));
  const auto same = [&] { return fixture.enqueue(with_unique_key(fixture, "k")); };
  CHECK(same().verdict == EnqueueVerdict::deduplicated);
  CHECK(same().task->id == task->id);
  CHECK(same().task->revision == 1);
  static_cast<void>(fixture.recorder().take());
  static_cast<void>(same());
  CHECK_MESSAGE(fixture.recorder().take().empty(), "nothing has changed");

  const TaskSnapshotPtr running = fixture.start(task);
  CHECK(same().task->state == TaskState::running);
  AttemptEnd failure = StoreFixture::end_of(running, AttemptOutcome::released);
  const TaskSnapshotPtr back = fixture.finish(failure).task;
  CHECK(same().task->state == TaskState::queued);
  fixture.finish(fixture.start(back), AttemptOutcome::succeeded);

  const EnqueueOutcome next = same();
  CHECK(next.verdict == EnqueueVerdict::created);
  CHECK(next.task->id != task->id);
  CHECK(fixture.store().counts().by_state[TaskState::queued] == 1);
}

TEST_CASE_TEMPLATE("a task that is cancelling has its unique key no longer", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr first = fixture.start(fixture.add(with_unique_key(fixture, "k")));
  CHECK(fixture.cancel(first).verdict == CancelVerdict::cancelling);
  const EnqueueOutcome second = fixture.enqueue(with_unique_key(fixture, "k"));
  CHECK(second.verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(with_unique_key(fixture, "k")).task->id == second.task->id);
  fixture.reopen();
  CHECK(fixture.enqueue(with_unique_key(fixture, "k")).task->id == second.task->id);
}

TEST_CASE_TEMPLATE("unique keys belong to a type, and whatever they hold is one key", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  CHECK(fixture.enqueue(with_unique_key(fixture, "k")).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(with_unique_key(fixture, "k", "other")).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(with_unique_key(fixture, "K")).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(with_unique_key(fixture, "k ")).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(fixture.order()).verdict == EnqueueVerdict::created);
  NewTask elsewhere = with_unique_key(fixture, "k");
  elsewhere.queue = "elsewhere";
  elsewhere.due = api::Due(fixture.store().now().steady + 1h);
  CHECK(fixture.enqueue(elsewhere).verdict == EnqueueVerdict::deduplicated);
}

TEST_CASE_TEMPLATE("a hundred starts of one unique key in the same moment make one task", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::vector<Answer<EnqueueOutcome>> answers(100);
  for (auto& answer : answers) fixture.store().enqueue(with_unique_key(fixture, "k"), answer.done());
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

TEST_CASE_TEMPLATE("a retry needs its unique key to be free", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr first = fixture.add(with_unique_key(fixture, "k"));
  fixture.cancel(first);
  const TaskSnapshotPtr second = fixture.add(with_unique_key(fixture, "k"));
  const RetryOutcome refused = fixture.retry(first);
  CHECK(refused.verdict == RetryVerdict::unique_key_taken);
  CHECK(refused.task->id == first->id);
  CHECK(refused.task->state == TaskState::cancelled);
  REQUIRE(refused.holder);
  CHECK(refused.holder->id == second->id);

  fixture.cancel(second);
  CHECK(fixture.retry(first).verdict == RetryVerdict::retried);
  CHECK(fixture.retry(second).verdict == RetryVerdict::unique_key_taken);
  CHECK(fixture.enqueue(with_unique_key(fixture, "k")).task->id == first->id);
}

TEST_CASE_TEMPLATE("starts are judged in order: idempotency key, fresh result, unique key", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto order = [&](const std::string& idempotency_key) {
    NewTask task = with_unique_key(fixture, "u");
    task.idempotency = IdempotencyBinding{"anyone", idempotency_key, "hash"};
    task.cache = api::CacheTerms{"c", 10s, 20s};
    return task;
  };
  const TaskSnapshotPtr first = fixture.add(order("i1"));
  CHECK(fixture.enqueue(order("i2")).verdict == EnqueueVerdict::deduplicated);
  fixture.finish(fixture.start(first), AttemptOutcome::succeeded);
  NewTask other = with_unique_key(fixture, "u");
  const TaskSnapshotPtr holder = fixture.add(other);

  CHECK(fixture.enqueue(order("i1")).verdict == EnqueueVerdict::replayed);
  CHECK(fixture.enqueue(order("i2")).verdict == EnqueueVerdict::cached);
  fixture.clock.advance(10s);
  const EnqueueOutcome same = fixture.enqueue(order("i2"));
  CHECK(same.verdict == EnqueueVerdict::deduplicated);
  CHECK(same.task->id == holder->id);
  // Neither of them has bound the idempotency key: nothing was created.
  fixture.cancel(holder);
  CHECK(fixture.enqueue(order("i2")).verdict == EnqueueVerdict::created);
  CHECK(fixture.enqueue(order("i2")).verdict == EnqueueVerdict::replayed);
}

TEST_CASE_TEMPLATE("with no room, starts are answered with what is there", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto order = [&](bool without_room) {
    NewTask task = with_unique_key(fixture, "u");
    task.cache = api::CacheTerms{"c", 10s, 10s};
    task.without_room = without_room;
    return task;
  };
  CHECK(fixture.enqueue(order(true)).verdict == EnqueueVerdict::no_room);
  const TaskSnapshotPtr task = fixture.add(order(false));
  CHECK(fixture.enqueue(order(true)).task->id == task->id);
  fixture.finish(fixture.start(task), AttemptOutcome::succeeded);
  CHECK(fixture.enqueue(order(true)).verdict == EnqueueVerdict::cached);
  fixture.clock.advance(10s);
  CHECK(fixture.enqueue(order(true)).verdict == EnqueueVerdict::no_room);
}

TEST_CASE_TEMPLATE("the start that made a task may cancel it, waiting or running", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const CancelOutcome waiting = cancel_private(fixture, fixture.add(private_one(fixture)));
  CHECK(waiting.verdict == CancelVerdict::cancelled_now);
  CHECK(waiting.task->error.value().reason == "gone");

  const TaskSnapshotPtr running = fixture.start(fixture.add(private_one(fixture)));
  CHECK(running->is_private);
  fixture.reopen();
  const CancelOutcome stopping = cancel_private(fixture, running);
  CHECK(stopping.verdict == CancelVerdict::cancelling);
  CHECK(cancel_private(fixture, running).verdict == CancelVerdict::cancelling);
  CHECK(fixture.finish(running, AttemptOutcome::cancelled).task->error.value().reason == "gone");
  CHECK(cancel_private(fixture, running).verdict == CancelVerdict::already_cancelled);
  CHECK(cancel_private(fixture, fixture.next_id()).verdict == CancelVerdict::unknown);

  const TaskSnapshotPtr done = fixture.start(fixture.add(private_one(fixture)));
  fixture.finish(done, AttemptOutcome::succeeded);
  CHECK(cancel_private(fixture, done).verdict == CancelVerdict::already_final);
}

TEST_CASE_TEMPLATE("a task that another start was answered with is not cancelled for the first one", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr not_asked_for = fixture.add();
  CHECK(cancel_private(fixture, not_asked_for).verdict == CancelVerdict::shared);
  CHECK(fixture.find(not_asked_for)->state == TaskState::queued);

  NewTask with_key = private_one(fixture);
  with_key.unique_key = "k";
  const TaskSnapshotPtr by_key = fixture.add(with_key);
  CHECK_FALSE(fixture.enqueue(with_unique_key(fixture, "k")).task->is_private);
  fixture.reopen();
  const TaskSnapshotPtr running = fixture.start(by_key);
  const CancelOutcome refused = cancel_private(fixture, running);
  CHECK(refused.verdict == CancelVerdict::shared);
  CHECK(refused.task->state == TaskState::running);

  NewTask replayed = private_one(fixture);
  replayed.idempotency = IdempotencyBinding{"s", "k", "h"};
  const TaskSnapshotPtr by_replay = fixture.add(replayed);
  replayed.id = fixture.next_id();
  CHECK(fixture.enqueue(replayed).verdict == EnqueueVerdict::replayed);
  CHECK(cancel_private(fixture, by_replay).verdict == CancelVerdict::shared);
  CHECK(fixture.cancel(by_replay).verdict == CancelVerdict::cancelled_now);
}

TEST_CASE_TEMPLATE("a task that a user has opened again is not the first start's any more", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const TaskSnapshotPtr task = fixture.start(fixture.add(private_one(fixture)));
  fixture.finish(task, AttemptOutcome::failed);
  REQUIRE(fixture.retry(task).verdict == RetryVerdict::retried);
  CHECK(cancel_private(fixture, task).verdict == CancelVerdict::shared);
}

TEST_CASE_TEMPLATE("whoever comes first in one moment, a shared task goes on or nobody was told of it",
                   Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  for (int round = 0; round < 50; ++round) {
    NewTask first = private_one(fixture);
    first.unique_key = "k" + std::to_string(round);
    const TaskSnapshotPtr task = fixture.add(first);
    Answer<EnqueueOutcome> second;
    Answer<CancelOutcome> cancel;
    if (round % 2 == 0) fixture.store().cancel_private(task->id, "gone", cancel.done());
    fixture.store().enqueue(with_unique_key(fixture, *first.unique_key), second.done());
    if (round % 2 == 1) fixture.store().cancel_private(task->id, "gone", cancel.done());
    const bool was_cancelled = cancel.wait().value().verdict == CancelVerdict::cancelled_now;
    const bool was_shared = second.wait().value().verdict == EnqueueVerdict::deduplicated;
    CHECK(was_cancelled != was_shared);
  }
}

}  // namespace longhaul::tests
