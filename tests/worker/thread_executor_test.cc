#include "worker/thread_executor.h"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "api/limits.h"
#include "api/task_error.h"
#include "tests/worker/borrowed_type.h"
#include "tests/worker/recording_sink.h"

using namespace longhaul;
using base::Result;
using tests::RecordingSink;
using worker::AttemptOrder;
using worker::AttemptReport;
using worker::TaskContext;
using worker::TaskFailure;
using worker::TaskType;
using namespace std::chrono_literals;

namespace {

using FunctionResult = Result<api::RawJson, TaskFailure>;

// An executor with functions of the test's own beside the built-in ones.
class Bench {
 public:
  explicit Bench(std::map<std::string, worker::TaskFunction, std::less<>> functions,
                 std::size_t max_threads = 8, std::chrono::milliseconds idle_limit = 10s) {
    functions.merge(worker::builtin_functions());
    for (const auto& [name, function] : functions) types_[name].name = name;
    executor = worker::make_thread_executor({std::move(functions), max_threads, &sink, &clock_, idle_limit});
    REQUIRE(executor->start().ok());
  }
  ~Bench() { executor->stop(); }

  api::AttemptToken begin(const std::string& type, std::string payload = "null") {
    AttemptOrder order;
    order.key = api::TaskKey(++last_);
    order.token = api::AttemptToken(last_ + 1'000);
    order.type = tests::borrowed(types_[type]);
    order.payload = {std::move(payload)};
    const api::AttemptToken token = order.token;
    executor->begin(std::move(order));
    return token;
  }
  AttemptReport run(const std::string& type, std::string payload = "null") {
    return sink.wait_for(begin(type, std::move(payload)));
  }
  TaskType& type(const std::string& name) { return types_[name]; }

  RecordingSink sink;
  std::unique_ptr<worker::Executor> executor;

 private:
  base::SystemClock clock_;
  std::map<std::string, TaskType> types_;
  std::int64_t last_ = 0;
};

// Runs until it is told to stop.
FunctionResult wait_for_stop(TaskContext& context) {
  std::atomic<bool> stopped = false;
  const std::stop_callback told(context.stop_token(), [&stopped] {
    stopped = true;
    stopped.notify_all();
  });
  context.progress(std::nullopt, "waiting");
  stopped.wait(false);
  return base::Failure<TaskFailure>{{{"STOPPED", "told to stop", {}, {}, {}}, true}};
}

}  // namespace

TEST_CASE("thread executor: echo answers its payload with the digits it came with") {
  Bench bench({});
  const AttemptReport report = bench.run("echo", R"({"n":1.0000000000000000001,"text":"\u00e4"})");
  CHECK(report.succeeded);
  CHECK(report.result->text == R"({"n":1.0000000000000000001,"text":"\u00e4"})");
  CHECK_FALSE(report.error.has_value());
}

TEST_CASE("thread executor: sleep takes only what it can sleep") {
  Bench bench({});
  for (const char* payload : {R"({"seconds":0})", R"({"seconds":0.001})", R"({"seconds":1e-3})"}) {
    CAPTURE(payload);
    CHECK(bench.run("sleep", payload).succeeded);
  }
  for (const char* payload :
       {"null", "5", "[]", "{}", R"({"seconds":-1})", R"({"seconds":"1"})", R"({"seconds":null})",
        R"({"seconds":1e300})", R"({"seconds":316224001})", R"({"seconds":1,"more":2})", R"({"second":1})"}) {
    CAPTURE(payload);
    const AttemptReport report = bench.run("sleep", payload);
    CHECK_FALSE(report.succeeded);
    CHECK(report.error->code == api::task_error::payload_invalid);
    CHECK_FALSE(report.retryable);
  }
}

TEST_CASE("thread executor: sleep tells its progress and wakes at once when told to stop") {
  Bench bench({});
  const auto token = bench.begin("sleep", R"({"seconds":5})");
  const api::Progress progress = bench.sink.wait_for_progress(token);
  REQUIRE(progress.percent.has_value());
  CHECK(*progress.percent == doctest::Approx(20));
  bench.executor->stop_attempt(token);
  const AttemptReport report =
      bench.sink.wait_for(token);  // five seconds would fail the time limit of the run
  CHECK_FALSE(report.succeeded);
  CHECK_FALSE(report.lost);
  CHECK(report.error->code == api::task_error::cancelled);
}

TEST_CASE("thread executor: exceptions are TASK_EXCEPTION and leave the thread alive") {
  Bench bench(
      {{"throws", [](TaskContext&) -> FunctionResult { throw std::runtime_error("so \xff it goes"); }},
       {"throws_int", [](TaskContext&) -> FunctionResult { throw 5; }}},
      1);
  AttemptReport report = bench.run("throws");
  CHECK_FALSE(report.succeeded);
  CHECK(report.retryable);
  CHECK(report.error->code == api::task_error::task_exception);
  CHECK(report.error->message == "so \xEF\xBF\xBD it goes");
  report = bench.run("throws_int");
  CHECK(report.error->code == api::task_error::task_exception);
  CHECK(bench.run("echo", "1").succeeded);
}

TEST_CASE("thread executor: a function's own failure comes as it is") {
  Bench bench({{"fails", [](TaskContext&) -> FunctionResult {
                  return base::Failure<TaskFailure>{{{"NO_LUCK", "not today", {}, {}, {}}, false}};
                }}});
  const AttemptReport report = bench.run("fails");
  CHECK(report.error->code == "NO_LUCK");
  CHECK_FALSE(report.retryable);
}

TEST_CASE("thread executor: a result over the type's limit fails the attempt") {
  Bench bench({});
  bench.type("echo").max_result_bytes = 10;
  CHECK(bench.run("echo", "\"12345678\"").succeeded);
  const AttemptReport report = bench.run("echo", "\"123456789\"");
  CHECK(report.error->code == api::task_error::result_too_large);
  CHECK_FALSE(report.retryable);
  CHECK_FALSE(report.result.has_value());
}

TEST_CASE("thread executor: a type without a function fails and says so") {
  Bench bench({});
  const AttemptReport report = bench.run("unheard-of");
  CHECK(report.error->code == api::task_error::start_failed);
  CHECK_FALSE(report.retryable);
}

TEST_CASE("thread executor: log lines and progress are capped") {
  Bench bench({{"talks", [](TaskContext& context) -> FunctionResult {
                  std::string line;
                  while (line.size() < 2 * api::limits::log_line_bytes) line += "\u00e4";
                  context.log("short");
                  context.log(line);
                  context.progress(250, std::string(1'000, 'm'));
                  return api::RawJson{"null"};
                }}});
  const auto token = bench.begin("talks");
  REQUIRE(bench.sink.wait_for(token).succeeded);
  const auto lines = bench.sink.lines_of(token);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].text == "short");
  CHECK(lines[0].stream == "log");
  CHECK(lines[1].text.size() <= api::limits::log_line_bytes);
  CHECK(lines[1].text.size() > api::limits::log_line_bytes - 4);
  CHECK(lines[1].text.ends_with("\u00e4 [line cut at 8192 bytes]"));
  const api::Progress progress = bench.sink.wait_for_progress(token);
  CHECK(progress.percent == 100.0);
  CHECK(progress.message.size() == api::limits::progress_message_chars);
}

TEST_CASE("thread executor: as many at once as it has threads, and no more") {
  constexpr std::size_t limit = 4;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<std::size_t> arrivals = 0;
  std::latch all_in(limit);
  Bench bench({{"meets",
                [&](TaskContext&) -> FunctionResult {
                  const int now = ++inside;
                  for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
                  }
                  if (arrivals++ < limit) all_in.arrive_and_wait();  // only together do the first ones get on
                  --inside;
                  return api::RawJson{"null"};
                }}},
              limit);
  CHECK(bench.executor->capacity() == limit);
  std::vector<api::AttemptToken> tokens;
  for (std::size_t i = 0; i < limit; ++i) tokens.push_back(bench.begin("meets"));
  all_in.wait();
  for (int i = 0; i < 100; ++i) tokens.push_back(bench.begin("meets"));
  for (const auto token : tokens) CHECK(bench.sink.wait_for(token).succeeded);
  CHECK(most == static_cast<int>(limit));
}

TEST_CASE("thread executor: what is told to stop before it began never begins") {
  std::atomic<int> runs = 0;
  Bench bench({{"waits", wait_for_stop},
               {"counts",
                [&](TaskContext&) -> FunctionResult {
                  ++runs;
                  return api::RawJson{"null"};
                }}},
              1);
  const auto first = bench.begin("waits");
  bench.sink.wait_for_progress(first);
  const auto second = bench.begin("counts");
  bench.executor->stop_attempt(second);
  bench.executor->stop_attempt(api::AttemptToken(424242));  // unknown: ignored
  bench.executor->stop_attempt(first);
  bench.executor->stop_attempt(first);
  CHECK_FALSE(bench.sink.wait_for(second).succeeded);
  CHECK(bench.sink.wait_for(first).error->code == "STOPPED");
  CHECK(runs == 0);
}

TEST_CASE("thread executor: stop() ends what runs, reports it as lost, and reports each attempt once") {
  Bench bench({{"waits", wait_for_stop}}, 3);
  std::vector<api::AttemptToken> tokens;
  for (int i = 0; i < 10; ++i) tokens.push_back(bench.begin("waits"));
  bench.executor->stop();
  for (const auto token : tokens) {
    const AttemptReport report = bench.sink.wait_for(token);
    CHECK_FALSE(report.succeeded);
    CHECK(report.lost);
  }
  CHECK(bench.sink.report_count() == tokens.size());
}

TEST_CASE("thread executor: threads end when there is nothing to do, and come back") {
  Bench bench({{"names_thread",
                [](TaskContext& context) -> FunctionResult {
                  context.log("here");
                  return api::RawJson{"null"};
                }}},
              2, 1ms);
  for (int round = 0; round < 50; ++round) CHECK(bench.run("echo", "1").succeeded);  // begins race with ends
  tests::wait_for_thread_count("task", 0);
  CHECK(bench.run("names_thread").succeeded);
}

TEST_CASE("thread executor: thousands of short tasks from several threads, each reported once") {
  Bench bench({}, 16);
  constexpr int each = 5'000;
  std::atomic<std::int64_t> next = 1;
  const TaskType& echo = bench.type("echo");
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 3; ++caller) {
      callers.emplace_back([&] {
        for (int i = 0; i < each; ++i) {
          AttemptOrder order;
          order.key = api::TaskKey(next);
          order.token = api::AttemptToken(next++);
          order.type = tests::borrowed(echo);
          order.payload = {"1"};
          const auto token = order.token;
          bench.executor->begin(std::move(order));
          if (i % 7 == 0) bench.executor->stop_attempt(token);
        }
      });
    }
  }
  bench.sink.wait_for_reports(3 * each);
  bench.executor->stop();
  CHECK(bench.sink.report_count() == 3 * each);
}
