// The order in which things are told, and what the lanes promise.
#include <doctest/doctest.h>

#include <atomic>
#include <mutex>

#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

// Holds the writer inside a callback until it is let go, so that what comes meanwhile makes one batch.
class Gate {
 public:
  void hold(StoreFixture& fixture) {
    fixture.store().load_ready({"gate", "gate", {}, 1}, [this](const StoreResult<std::vector<ReadyTask>>&) {
      held_.set_value();
      open_.get_future().wait();
    });
    held_.get_future().wait();
  }
  void release() { open_.set_value(); }

 private:
  std::promise<void> held_;
  std::promise<void> open_;
};

// Both observers and callers write what they hear into one list.
class Diary final : public StoreObserver {
 public:
  void on_committed(std::span<const TaskChange> changes) override {
    for (const TaskChange& change : changes) add("told " + change.task->type);
  }
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace

TEST_CASE_TEMPLATE("observers hear before callers, both in the order of the changes", Engine, STORE_ENGINES) {
  Diary diary;
  ManualClock clock;
  Engine engine;
  auto store = engine.open({&clock}).value();
  store->add_observer(&diary);
  REQUIRE(store->start());
  std::promise<void> last;
  constexpr int tasks = 20;
  for (int i = 0; i < tasks; ++i) {
    NewTask order;
    order.id = TaskId::make(clock.wall().time_since_epoch(), static_cast<std::uint16_t>(i), 1);
    order.type = std::to_string(i);
    order.queue = "q";
    store->enqueue(order, [&, i](const StoreResult<EnqueueOutcome>& result) {
      diary.add("answered " + result->task->type);
      if (i == tasks - 1) last.set_value();
    });
  }
  last.get_future().wait();
  store->stop();

  const std::vector<std::string> lines = diary.lines();
  REQUIRE(lines.size() == 2 * tasks);
  int told = 0;
  int answered = 0;
  for (const std::string& line : lines) {
    if (line.starts_with("told")) {
      CHECK(line == "told " + std::to_string(told++));
    } else {
      CHECK(line == "answered " + std::to_string(answered++));
      CHECK(answered <= told);
    }
  }
}

TEST_CASE_TEMPLATE("what queues up is committed together", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  Gate gate;
  gate.hold(fixture);
  std::vector<Answer<EnqueueOutcome>> answers(300);
  for (auto& answer : answers) fixture.store().enqueue(fixture.order(), answer.done());
  const std::size_t before = fixture.recorder().commits();
  gate.release();
  for (auto& answer : answers) CHECK(answer.wait().value().verdict == EnqueueVerdict::created);
  CHECK(fixture.recorder().commits() == before + 1);
}

TEST_CASE_TEMPLATE("what is committed is what everybody reads by the time of the answer", Engine,
                   STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  std::promise<bool> seen;
  fixture.store().enqueue(fixture.order(), [&](const StoreResult<EnqueueOutcome>& result) {
    const TaskSnapshotPtr recent = fixture.store().recent(result->task->id);
    const auto counts = fixture.store().counts();
    seen.set_value(recent == result->task && counts.by_state.at(TaskState::queued) == 1 &&
                   counts.by_queue.at("default").at(TaskState::queued) == 1);
  });
  CHECK(seen.get_future().get());
}

TEST_CASE_TEMPLATE("starts are refused when too many wait, and work never is", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>(), 10);
  const TaskSnapshotPtr running = fixture.start(fixture.add());
  Gate gate;
  gate.hold(fixture);
  std::vector<Answer<EnqueueOutcome>> answers(12);
  for (auto& answer : answers) fixture.store().enqueue(fixture.order(), answer.done());
  Answer<FinishOutcome> finish;
  fixture.store().finish(StoreFixture::end_of(running, AttemptOutcome::succeeded), finish.done());
  Answer<CancelOutcome> cancel;
  fixture.store().cancel(running->id, "", cancel.done());
  gate.release();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto result = answers[i].wait();
    CHECK(result.ok() == (i < 10));
    if (!result.ok()) CHECK(result.error().fault == StoreFault::lane_full);
  }
  CHECK(finish.wait().value().verdict == FinishVerdict::applied);
  CHECK(cancel.wait().value().verdict == CancelVerdict::already_final);
}

TEST_CASE_TEMPLATE("a store that has stopped refuses, and what it took before is written", Engine,
                   STORE_ENGINES) {
  Engine engine;
  ManualClock clock;
  auto store = engine.open({&clock}).value();
  const auto order = [&](std::uint16_t n) {
    NewTask task;
    task.id = TaskId::make(clock.wall().time_since_epoch(), n, n);
    task.type = "t";
    task.queue = "q";
    return task;
  };
  Answer<EnqueueOutcome> too_early;
  store->enqueue(order(1), too_early.done());
  CHECK(too_early.wait().error().fault == StoreFault::unavailable);
  CHECK(store->find(order(1).id).error().fault == StoreFault::unavailable);

  REQUIRE(store->start());
  std::vector<Answer<EnqueueOutcome>> answers(100);
  for (std::uint16_t i = 0; i < 100; ++i)
    store->enqueue(order(static_cast<std::uint16_t>(i + 2)), answers[i].done());
  store->stop();
  for (auto& answer : answers) CHECK(answer.wait().ok());
  Answer<EnqueueOutcome> too_late;
  store->enqueue(order(500), too_late.done());
  CHECK(too_late.wait().error().fault == StoreFault::unavailable);
  CHECK_FALSE(store->list({}).ok());
  store.reset();

  store = engine.open({&clock}).value();
  CHECK(store->counts().by_state[TaskState::queued] == 100);
  CHECK(store->counts().by_queue["q"][TaskState::queued] == 100);
}

TEST_CASE_TEMPLATE("the ready queue is read behind every change, in claiming order", Engine, STORE_ENGINES) {
  StoreFixture fixture(std::make_unique<Engine>());
  const auto add = [&](int priority, Milliseconds run_at, const std::string& queue = "default") {
    NewTask order = fixture.order();
    order.priority = priority;
    order.run_at += run_at;
    order.queue = queue;
    return fixture.add(order)->key;
  };
  const TaskKey c = add(0, 2ms);
  const TaskKey b = add(0, 1ms);
  const TaskKey d = add(0, 2ms);
  const TaskKey e = add(-5, 0ms);
  const TaskKey a = add(9, 5ms);
  add(0, 0ms, "other");

  // A start that is written in the same batch is in the page too.
  Gate gate;
  gate.hold(fixture);
  Answer<std::vector<ReadyTask>> answer;
  fixture.store().load_ready({"default", "work", {}, 100}, answer.done());
  NewTask last = fixture.order();
  last.priority = -9;
  Answer<EnqueueOutcome> enqueued;
  fixture.store().enqueue(last, enqueued.done());
  gate.release();
  const TaskKey f = enqueued.wait().value().task->key;
  const std::vector<TaskKey> expected = {a, b, c, d, e, f};
  const auto keys_of = [](const std::vector<ReadyTask>& tasks) {
    std::vector<TaskKey> keys;
    keys.reserve(tasks.size());
    for (const ReadyTask& task : tasks) keys.push_back(task.key);
    return keys;
  };
  CHECK(keys_of(answer.wait().value()) == expected);

  for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    std::vector<TaskKey> keys;
    std::optional<ReadyTask> after;
    for (;;) {
      const auto page = fixture.load_ready({"default", "work", after, limit});
      CHECK(page.size() <= limit);
      if (page.empty()) break;
      for (const TaskKey key : keys_of(page)) keys.push_back(key);
      after = page.back();
    }
    CHECK(keys == expected);
  }
  const auto lanes = fixture.store().ready_lanes().value();
  REQUIRE(lanes.size() == 2);
  CHECK(lanes[0].queue == "default");
  CHECK(lanes[0].type == "work");
  CHECK(lanes[0].queued == 6);
  CHECK(lanes[1].queued == 1);
}

}  // namespace longhaul::tests
