// Many threads at once, for the thread sanitizer and for the races between cancel, completion, timeout and
// retry.
#include <doctest/doctest.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/store/store_fixture.h"
#include "tests/support/seed.h"

namespace longhaul::tests {
namespace {

constexpr int tasks_per_thread = 60;
constexpr int threads = 6;

// Waits for the answer of one call made on some thread.
template <class T, class Call>
T ask(const Call& call) {
  Answer<T> answer;
  call(answer.done());
  return answer.wait().value();
}

NewTask order_of(Store& store, int thread, int n) {
  NewTask order;
  const Now now = store.now();
  order.id =
      TaskId::make(now.wall.time_since_epoch(), static_cast<std::uint16_t>(n),
                   static_cast<std::uint64_t>(thread) * tasks_per_thread + static_cast<std::uint64_t>(n));
  order.type = "work";
  order.queue = thread % 2 == 0 ? "even" : "odd";
  order.payload = RawJson{"null"};
  order.created_at = order.run_at = now.wall;
  order.max_attempts = 2;
  if (n % 3 == 0)
    order.idempotency = IdempotencyBinding{"s", std::to_string(thread) + "/" + std::to_string(n), "h"};
  return order;
}

// One task from its start to a final state, while others may cancel it.
void live(Store& store, int thread, int n, std::mt19937& random) {
  const TaskSnapshotPtr task =
      ask<EnqueueOutcome>([&](auto done) { store.enqueue(order_of(store, thread, n), done); }).task;
  std::thread canceller;
  if (random() % 2 == 0) {
    canceller = std::thread(
        [&store, id = task->id] { ask<CancelOutcome>([&](auto done) { store.cancel(id, "race", done); }); });
  }
  for (;;) {
    const ClaimOutcome claimed = ask<ClaimOutcome>([&](auto done) { store.claim({{task->key, "w"}}, done); });
    if (!claimed[0]) {
      const TaskSnapshotPtr now = store.find(task->id).value();
      if (api::is_final(now->state)) break;
      ask<SweepOutcome>([&](auto done) { store.sweep(done); });
      continue;
    }
    const TaskSnapshotPtr running = claimed[0]->task;
    store.append_log(running->key, running->token, {{0, {}, "stderr", "line"}}, 10'000);
    store.record_progress(running->key, running->token, {1.0, "m", {}});
    if (random() % 4 == 0) {
      ask<FinishOutcome>([&](auto done) {
        store.stop_attempt(running->key, running->token, api::StopCause::timeout, done);
      });
    }
    AttemptEnd end =
        StoreFixture::end_of(running, random() % 2 == 0 ? AttemptOutcome::succeeded : AttemptOutcome::failed);
    CHECK(ask<FinishOutcome>([&](auto done) { store.finish(end, done); }).verdict == FinishVerdict::applied);
  }
  if (canceller.joinable()) canceller.join();
  const auto final_state = store.find(task->id).value();
  CHECK(api::is_final(final_state->state));
  if (random() % 8 == 0) ask<RetryOutcome>([&](auto done) { store.retry({task->id, {}, {}}, done); });
}

}  // namespace

TEST_CASE_TEMPLATE("many threads: every task ends once, and what is counted is what is there", Engine,
                   STORE_ENGINES) {
  const auto seed = static_cast<unsigned>(test_seed());
  CAPTURE(seed);
  StoreFixture fixture(std::make_unique<Engine>());
  fixture.makes_its_own_ids = true;
  Store& store = fixture.store();
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) {
      const api::TaskPage page = store.list({}).value();
      for (const TaskSnapshotPtr& task : page.tasks) {
        static_cast<void>(store.recent(task->id));
        static_cast<void>(store.find_detail(task->id).value());
      }
      static_cast<void>(store.counts());
    }
  });
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&store, t, seed] {
      std::mt19937 random(seed + static_cast<unsigned>(t));
      for (int n = 0; n < tasks_per_thread; ++n) live(store, t, n, random);
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  reader.join();

  StateCounts counts = store.counts();
  std::int64_t all = 0;
  for (const auto& [state, count] : counts.by_state) all += count;
  CHECK(all == threads * tasks_per_thread);
  CHECK(counts.by_state[TaskState::running] == 0);
  CHECK(counts.by_state[TaskState::cancelling] == 0);
  std::map<TaskState, std::int64_t> listed;
  api::TaskQuery query;
  for (bool more = true; more;) {
    const api::TaskPage page = store.list(query).value();
    for (const TaskSnapshotPtr& task : page.tasks) ++listed[task->state];
    more = page.continue_after.has_value();
    query.older_than = page.continue_after;
  }
  for (const auto& [state, count] : listed) CHECK(counts.by_state[state] == count);
}

}  // namespace longhaul::tests
