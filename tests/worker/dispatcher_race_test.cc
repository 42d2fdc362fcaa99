// Cancel against completion against timeout: thousands of tasks whose work, cancel and timeout end at about
// the same moment, in every order that threads and commits come up with. Each task must have one final state,
// and every answer that was given about it must agree with that.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "api/task_error.h"
#include "tests/support/seed.h"
#include "tests/worker/dispatcher_fixture.h"
#include "worker/thread_executor.h"

using namespace longhaul;
using namespace std::chrono_literals;
using storage::CancelVerdict;
using tests::DispatcherFixture;
using tests::TaskState;
using S = TaskState;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int default_races = 1'500;
#else
constexpr int default_races = 10'000;
#endif

int race_count() {
  const char* given = std::getenv("LONGHAUL_TEST_RACES");
  return given != nullptr ? static_cast<int>(std::strtol(given, nullptr, 10)) : default_races;
}

// Work that takes `turns` looks at its stop token; then it has done, whether it was told to stop or not, or
// gives up.
base::Result<api::RawJson, worker::TaskFailure> work(worker::TaskContext& context) {
  // The payload is the plan: turns * 4 + (gives up when told to stop ? 1 : 0) + (fails in the end ? 2 : 0).
  const long plan = std::strtol(context.order().payload.text.c_str(), nullptr, 10);
  const auto failure = [](const char* code) {
    return base::Failure<worker::TaskFailure>{{{code, "", {}, {}, {}}, true}};
  };
  for (long turn = plan / 4; turn > 0; --turn) {
    if ((plan & 1) != 0 && context.stop_token().stop_requested()) return failure("STOPPED");
    std::this_thread::yield();
  }
  if ((plan & 2) != 0) return failure("BROKEN");
  return api::RawJson{"\"done\""};
}

struct Race {
  api::TaskId id;
  std::optional<storage::CancelOutcome> answer;  // of the cancel, if there was one
};

class Races {
 public:
  explicit Races(std::uint64_t seed) : random_(seed), fixture_({.machine_clock = true}) {
    auto& type = fixture_.add_type("race");
    type.kind = worker::TaskKind::builtin;
    type.retry_base = 1ms;
    fixture_.types.set_queue("default", {64});
    executor_ = worker::make_thread_executor({{{"race", work}}, 64, &fixture_.dispatcher(), &clock_, 10s});
    REQUIRE(executor_->start().ok());
    fixture_.dispatcher().set_executors(executor_.get(), &fixture_.commands);
    fixture_.start_dispatcher();
  }

  void run(int count) {
    std::jthread canceller([this](const std::stop_token& stop) { keep_cancelling(stop); });
    std::deque<std::size_t> open;
    races_.resize(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < races_.size(); ++i) {
      start(races_[i]);
      open.push_back(i);
      if (open.size() < 96) continue;  // some always wait, so that waiting ones are cancelled too
      fixture_.history.wait_for_end(races_[open.front()].id);
      open.pop_front();
    }
    for (const std::size_t i : open) fixture_.history.wait_for_end(races_[i].id);
    const tests::Patience left("all answers, and the end of all work");
    while (answers_open_ > 0) left.yield();
    while (fixture_.dispatcher().load_of_queue("default").running > 0) left.yield();
    executor_->stop();
  }

  void check() {
    std::map<std::string, int> seen;
    for (const Race& race : races_) {
      const auto task = fixture_.store().find(race.id).value();
      check_end(*task);
      check_attempts(*task);
      if (race.answer) check_answer(*race.answer, *task);
      ++seen[std::string(api::to_text(task->state))];
      if (race.answer) ++seen["cancel: " + std::to_string(static_cast<int>(race.answer->verdict))];
    }
    for (const auto& [what, count] : seen) MESSAGE(what, " ", count);
    // Not all of it is worth much if one side always wins.
    for (const char* state : {"succeeded", "failed", "cancelled", "timed_out"}) CHECK(seen[state] > 0);
  }

 private:
  std::size_t pick(std::size_t to) { return random_() % (to + 1); }

  void start(Race& race) {
    auto order = fixture_.order();
    order.type = "race";
    order.max_attempts = static_cast<int>(1 + pick(1));
    order.payload = {std::to_string(pick(400) * 4 + pick(3))};
    if (pick(2) == 0) order.timeout = api::Milliseconds(1 + pick(2));
    if (pick(9) == 0)
      order.deadline = api::Due(fixture_.store().now().steady + api::Milliseconds(1 + pick(10)));
    race.id = order.id;
    const bool cancels = pick(3) != 0;
    const std::size_t turns = pick(2) == 0 ? 0 : pick(1'000);
    if (cancels) ++answers_open_;
    fixture_.store().enqueue(order, [this, &race, cancels, turns](auto) {
      if (!cancels) return;
      if (turns == 0) {
        cancel(race);  // stands beside the claim in the writer's queue
      } else {
        const base::MutexLock lock(mutex_);
        to_cancel_.push_back({&race, turns});
      }
    });
  }

  void cancel(Race& race) {
    fixture_.store().cancel(race.id, "race",
                            [this, &race](storage::StoreResult<storage::CancelOutcome> outcome) {
                              if (outcome) race.answer = *outcome;
                              --answers_open_;
                            });
  }

  // Cancels each task when its number of turns is over.
  void keep_cancelling(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::vector<Race*> now;
      {
        const base::MutexLock lock(mutex_);
        for (auto& [race, turns] : to_cancel_) {
          if (--turns == 0) now.push_back(race);
        }
        std::erase_if(to_cancel_, [](const auto& waiting) { return waiting.second == 0; });
      }
      for (Race* race : now) cancel(*race);
      std::this_thread::yield();
    }
  }

  void check_end(const api::TaskSnapshot& task) {
    const auto states = fixture_.history.states_of(task.id);
    REQUIRE(api::is_final(task.state));
    CHECK(states.back() == task.state);
    CHECK(std::count_if(states.begin(), states.end(), api::is_final) == 1);
    CHECK(task.result.has_value() == (task.state == S::succeeded));
    CHECK(task.error.has_value() == (task.state != S::succeeded));
    if (task.state == S::cancelled) CHECK(task.error->code == api::task_error::cancelled);
    if (task.state == S::timed_out) {
      const bool by_time = task.error->code == api::task_error::attempt_timed_out ||
                           task.error->code == api::task_error::deadline_exceeded;
      CHECK(by_time);
    }
  }

  void check_attempts(const api::TaskSnapshot& task) {
    const auto detail = fixture_.store().find_detail(task.id).value().value();
    const auto states = fixture_.history.states_of(task.id);
    CHECK(detail.attempts.size() ==
          static_cast<std::size_t>(std::count(states.begin(), states.end(), S::running)));
    CHECK(static_cast<int>(detail.attempts.size()) == task.attempt);
    CHECK(task.attempt <= task.max_attempts);
    for (const auto& attempt : detail.attempts) CHECK(attempt.outcome != api::AttemptOutcome::running);
    if (task.state == S::succeeded) CHECK(detail.attempts.back().outcome == api::AttemptOutcome::succeeded);
  }

  static void check_answer(const storage::CancelOutcome& answer, const api::TaskSnapshot& end) {
    switch (answer.verdict) {
      case CancelVerdict::cancelled_now:
      case CancelVerdict::already_cancelled:
        CHECK(end.state == S::cancelled);
        CHECK(end.revision == answer.task->revision);  // nothing came after it
        break;
      case CancelVerdict::cancelling:
        REQUIRE(answer.task->stop_cause.has_value());
        CHECK(end.state ==
              (*answer.task->stop_cause == api::StopCause::cancel ? S::cancelled : S::timed_out));
        break;
      case CancelVerdict::already_final:
        CHECK(end.state == answer.task->state);
        CHECK(end.revision == answer.task->revision);
        break;
      case CancelVerdict::shared: FAIL_CHECK("a cancel without a condition was refused"); break;
      case CancelVerdict::unknown: FAIL_CHECK("an accepted task was not known"); break;
    }
  }

  std::mt19937_64 random_;
  base::SystemClock clock_;
  DispatcherFixture fixture_;
  std::unique_ptr<worker::Executor> executor_;
  std::vector<Race> races_;
  std::atomic<int> answers_open_ = 0;
  base::Mutex mutex_;
  std::vector<std::pair<Race*, std::size_t>> to_cancel_ GUARDED_BY(mutex_);
};

}  // namespace

TEST_CASE(
    "races: cancel against completion against timeout: one final state each, and every answer agrees with "
    "it") {
  const auto seed = tests::test_seed();
  MESSAGE("seed ", seed);
  Races races(seed);
  races.run(race_count());
  races.check();
}
