// The parts of a start that need no server: ids, idempotency keys, traces, the room that is left, times on
// their timelines.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/routes/id_maker.h"
#include "server/routes/idempotency_key.h"
#include "server/routes/new_task.h"
#include "server/routes/open_tasks.h"
#include "server/routes/prefer_wait.h"
#include "server/routes/traceparent.h"

namespace longhaul::server {
namespace {

using std::chrono::milliseconds;

base::WallTime wall(std::int64_t ms) { return base::WallTime(milliseconds(ms)); }
base::SteadyTime steady(std::int64_t ms) { return base::SteadyTime(milliseconds(ms)); }

const storage::Now now{wall(1'000'000), steady(500'000)};

std::optional<std::string> key_of(const std::string& value) {
  Request request;
  request.headers = {{"idempotency-KEY", value}};
  auto key = read_idempotency_key(request);
  return key ? key.value() : std::nullopt;
}

storage::NewTask task_from(api::StartRequest request) {
  worker::TaskType type;
  type.name = "t";
  type.max_attempts = 7;
  type.timeout = milliseconds(9'000);
  return make_new_task(std::move(request), type, api::TaskId(), now);
}

storage::TaskChange change(std::optional<api::TaskState> from, api::TaskState to) {
  auto task = std::make_shared<api::TaskSnapshot>();
  task->state = to;
  return {from, task};
}

}  // namespace

TEST_CASE("ids grow with every call, whatever the clock does") {
  IdMaker ids;
  api::TaskId last = ids.make(wall(1'000));
  for (int i = 0; i < 20'000; ++i) {
    // Stands still, steps back, goes on.
    const api::TaskId next = ids.make(wall(i < 10'000 ? 1'000 : i < 15'000 ? 10 : 5'000));
    REQUIRE(last < next);
    last = next;
  }
  CHECK(ids.make(wall(1'800'000'000'000)).time() == milliseconds(1'800'000'000'000));
}

TEST_CASE("ids of many threads are all different") {
  IdMaker ids;
  std::vector<std::vector<api::TaskId>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&ids, &mine] {
      for (int i = 0; i < 5'000; ++i) mine.push_back(ids.make(wall(77)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : made) {
    for (const api::TaskId& id : mine) all.insert(id.text());
  }
  CHECK(all.size() == 20'000);
}

TEST_CASE("ids of two servers at the same moment differ") {
  IdMaker first;
  IdMaker second;
  CHECK(first.make(wall(5)) != second.make(wall(5)));
}

TEST_CASE("idempotency keys: bare, quoted, refused") {
  CHECK(key_of("abc") == "abc");
  CHECK(key_of("\"abc\"") == "abc");
  CHECK(key_of(R"("a\"b\\c")") == R"(a"b\c)");
  CHECK(key_of("a b") == "a b");
  CHECK(key_of(std::string(255, 'x')) == std::string(255, 'x'));
  for (const std::string& wrong :
       {std::string(), std::string("\"\""), std::string("\""), std::string("\"a"), std::string("\"a\"b"),
        std::string(R"("\a")"), std::string(R"("a\")"), std::string(256, 'x'), std::string("a\tb"),
        std::string("\xC3\xBC"), std::string("a\x7F")}) {
    CAPTURE(wrong);
    CHECK_FALSE(key_of(wrong));
  }
  Request none;
  CHECK(read_idempotency_key(none).value() == std::nullopt);
  Request twice;
  twice.headers = {{"Idempotency-Key", "a"}, {"idempotency-key", "a"}};
  CHECK_FALSE(read_idempotency_key(twice));
}

TEST_CASE("traceparent") {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  CHECK(is_traceparent(good));
  CHECK(is_traceparent("cc" + good.substr(2)));
  CHECK(is_traceparent("cc" + good.substr(2) + "-more"));
  for (const std::string& bad :
       {std::string(), good + "-more", good + "0", good.substr(1), "ff" + good.substr(2),
        "cc" + good.substr(2) + "x", "cc" + good.substr(2) + "-a\nb",
        "cc" + good.substr(2) + "-" + std::string(200, 'a'), "00-" + std::string(32, '0') + good.substr(35),
        good.substr(0, 36) + std::string(16, '0') + "-01",
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"), "00_" + good.substr(3)}) {
    CAPTURE(bad);
    CHECK_FALSE(is_traceparent(bad));
  }
}

TEST_CASE("open tasks: what is on its way counts, what is final does not") {
  OpenTasks open(3);
  storage::StateCounts counts;
  counts.by_state = {
      {api::TaskState::queued, 1}, {api::TaskState::cancelling, 1}, {api::TaskState::succeeded, 50}};
  open.begin_with(counts);
  CHECK(open.try_reserve());
  CHECK_FALSE(open.try_reserve());
  open.release();  // it was refused after all
  CHECK(open.try_reserve());
  open.on_committed(std::vector{change(std::nullopt, api::TaskState::queued)});
  open.release();
  CHECK_FALSE(open.try_reserve());
  open.on_committed(std::vector{change(api::TaskState::queued, api::TaskState::running)});
  CHECK_FALSE(open.try_reserve());
  open.on_committed(std::vector{change(api::TaskState::running, api::TaskState::succeeded)});
  CHECK(open.try_reserve());
  open.release();
  open.on_committed(std::vector{change(api::TaskState::failed, api::TaskState::queued)});  // a user's retry
  CHECK_FALSE(open.try_reserve());
}

TEST_CASE("a new task: the type's defaults, due now") {
  const auto task = task_from({});
  CHECK(task.max_attempts == 7);
  CHECK(task.timeout == milliseconds(9'000));
  CHECK(task.run_at == now.wall);
  CHECK_FALSE(task.due);
  CHECK_FALSE(task.deadline);
  CHECK_FALSE(task.expiry);
}

TEST_CASE("a new task: durations follow the steady timeline, dates the wall clock") {
  api::StartRequest relative;
  relative.delay = milliseconds(1'000);
  relative.deadline = milliseconds(60'000);
  relative.expires = milliseconds(500);
  const auto by_duration = task_from(relative);
  CHECK(by_duration.run_at == now.wall + milliseconds(1'000));
  CHECK(*by_duration.due == api::Due(now.steady + milliseconds(1'000)));
  CHECK(*by_duration.deadline == api::Due(now.steady + milliseconds(60'000)));
  CHECK(*by_duration.deadline_at == now.wall + milliseconds(60'000));
  CHECK(*by_duration.expiry == api::Due(now.steady + milliseconds(1'500)));
  CHECK(by_duration.relative_deadline == milliseconds(60'000));
  CHECK(by_duration.relative_expiry == milliseconds(500));

  api::StartRequest absolute;
  absolute.run_at = wall(2'000'000);
  absolute.deadline_at = wall(3'000'000);
  absolute.expires = milliseconds(500);
  const auto by_date = task_from(absolute);
  CHECK(*by_date.due == api::Due(wall(2'000'000)));
  CHECK(*by_date.deadline == api::Due(wall(3'000'000)));
  CHECK_FALSE(by_date.relative_deadline);
  CHECK(*by_date.expiry == api::Due(wall(2'000'500)));
}

TEST_CASE("a new task: the past is now") {
  api::StartRequest request;
  request.run_at = wall(5);
  request.expires = milliseconds(500);
  const auto task = task_from(request);
  CHECK(task.run_at == now.wall);
  CHECK_FALSE(task.due);
  CHECK(*task.expiry == api::Due(now.steady + milliseconds(500)));

  CHECK_FALSE(judge_deadline(std::nullopt, now));
  CHECK_FALSE(judge_deadline(wall(1'000'001), now));
  const auto passed = judge_deadline(now.wall, now);
  REQUIRE(passed);
  CHECK(passed->errors.at(0).pointer == "#/deadline_at");
}

TEST_CASE("a wait is read out of whatever is preferred") {
  using Lines = std::vector<std::string>;
  const auto wait_of = [](const Lines& lines) {
    Headers headers{{"Host", "wait=7"}};
    for (const std::string& line : lines) headers.emplace_back("pREFER", line);
    const auto wait = preferred_wait(headers);
    return wait ? std::to_string(wait->count()) : "none";
  };
  for (const Lines& lines : {Lines{"wait=10"},
                             {"Wait = 10"},
                             {"wait=\"10\""},
                             {"wait=\"\\1\\0\""},
                             {"a, wait=10"},
                             {"a=\"b,wait=1\", wait=10"},
                             {"wait=10; strict"},
                             {"wait=10;;a=b; c=\"d;\" ,x"},
                             {",, ,wait=10,"},
                             {"respond-async", "", "wait=10"},
                             {"wait=10, wait=20"},
                             {"wait=10", "wait=20"},
                             {"wait=1 0, wait=10"},
                             {"=wait, wait=10"},
                             {"a=\"b", "wait=10"},
                             {"wait=00010"}}) {
    CAPTURE(lines.front());
    CHECK(wait_of(lines) == "10000");
  }
  CHECK(wait_of({"wait=0"}) == "0");
  CHECK(wait_of({"wait=300"}) == "300000");
  for (const Lines& lines : {Lines{},
                             {""},
                             {"wait"},
                             {"wait="},
                             {"wait=\"\""},
                             {"wait=301"},
                             {"wait=-1"},
                             {"wait=-0"},
                             {"wait=+1"},
                             {"wait=1.5"},
                             {"wait=1e1"},
                             {"wait=0x1"},
                             {"wait=99999999999999999999"},
                             {"waiting=1"},
                             {"x; wait=1"},
                             {"wait=\"1"},
                             {"wait=301, wait=1"},
                             {"\"wait=1\""},
                             {"a=\"\\\", wait=1"}}) {
    CAPTURE((lines.empty() ? std::string() : lines.front()));
    CHECK(wait_of(lines) == "none");
  }
}

}  // namespace longhaul::server
