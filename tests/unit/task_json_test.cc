#include "api/task_json.h"

#include <ostream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/json_reader.h"
#include "api/time_text.h"

using namespace longhaul::api;
using Json = nlohmann::ordered_json;

namespace {

const WallTime noon = *parse_time("2026-03-01T12:00:00Z");

TaskSnapshot queued_task() {
  TaskSnapshot task;
  task.id = *TaskId::parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  task.type = "echo";
  task.queue = "default";
  task.max_attempts = 3;
  task.revision = 7;
  task.created_at = noon;
  task.run_at = noon;
  return task;
}

}  // namespace

TEST_CASE("a status has exactly the members of the contract, in their order") {
  CHECK(
      status_json(queued_task(), WaitingFor{"behind_others", "3 tasks"}) ==
      R"({"task_id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","type":"echo","queue":"default","status":"queued",)"
      R"("progress":null,"result":null,"error":null,"cache":false,"attempt":0,"max_attempts":3,"revision":7,)"
      R"("created_at":"2026-03-01T12:00:00.000Z","run_at":"2026-03-01T12:00:00.000Z","started_at":null,)"
      R"("finished_at":null,"deadline_at":null,"tags":{},)"
      R"("waiting_for":{"reason":"behind_others","detail":"3 tasks"},)"
      R"("status_url":"/task-status/017f22e2-79b0-7cc3-98c4-dc0c0c07398f",)"
      R"("events_url":"/task-status/017f22e2-79b0-7cc3-98c4-dc0c0c07398f"})");
}

TEST_CASE("a result goes out with the digits it came with") {
  TaskSnapshot task = queued_task();
  task.state = TaskState::succeeded;
  task.result = RawJson{R"([-0,1.0,1e400,12345678901234567890123,"\u00e9"])"};
  task.started_at = noon;
  task.finished_at = noon + Milliseconds(250);
  task.deadline_at = noon + Milliseconds(1000);
  task.tags = {{"a", "1"}, {"b\"", "\n"}};
  task.progress = Progress{12.5, "half \"way\"", noon};
  const std::string text = status_json(task, std::nullopt);
  CHECK(text.find(R"("result":[-0,1.0,1e400,12345678901234567890123,"\u00e9"],"error":null)") !=
        std::string::npos);
  CHECK(
      text.find(
          R"("progress":{"percent":12.5,"message":"half \"way\"","updated_at":"2026-03-01T12:00:00.000Z"})") !=
      std::string::npos);
  CHECK(text.find(R"("tags":{"a":"1","b\"":"\n"},"waiting_for":null)") != std::string::npos);
  CHECK(text.find(R"("finished_at":"2026-03-01T12:00:00.250Z","deadline_at":"2026-03-01T12:00:01.000Z")") !=
        std::string::npos);
  CHECK(is_json(text));
  task.progress->percent.reset();
  CHECK(status_json(task, std::nullopt).find(R"("progress":{"percent":null,)") != std::string::npos);
}

TEST_CASE("an error shows what is known of it") {
  TaskSnapshot task = queued_task();
  task.state = TaskState::failed;
  task.error = TaskError{"EXIT_CODE", "exit code 65", {}, 65, {}};
  CHECK(status_json(task, {}).find(
            R"("error":{"code":"EXIT_CODE","message":"exit code 65","exit_code":65})") != std::string::npos);
  task.error = TaskError{"CANCELLED", "cancelled", "no longer needed", {}, 15};
  CHECK(status_json(task, {}).find(
            R"({"code":"CANCELLED","message":"cancelled","reason":"no longer needed","signal":15})") !=
        std::string::npos);
}

TEST_CASE("the detail is the status with payload and attempts") {
  TaskDetail detail{queued_task(), RawJson{R"({"n":1.0})"}, {}, {1, 20, 3}};
  AttemptRecord first;
  first.started_at = noon;
  first.finished_at = noon + Milliseconds(1);
  first.outcome = AttemptOutcome::failed;
  first.error = TaskError{"KILLED_BY_SIGNAL", "signal 9", {}, {}, 9};
  first.worker = "local";
  first.signal = 9;
  first.use = {1024, 0.25};
  AttemptRecord second;
  second.started_at = noon;
  detail.attempts = {first, second};
  const std::string text = detail_json(detail, std::nullopt);
  const std::string status = status_json(detail.task, std::nullopt);
  CHECK(
      text ==
      status.substr(0, status.size() - 1) +
          R"(,"payload":{"n":1.0},"attempts":[{"started_at":"2026-03-01T12:00:00.000Z","finished_at":"2026-03-01T12:00:00.001Z",)"
          R"("outcome":"failed","error":{"code":"KILLED_BY_SIGNAL","message":"signal 9","signal":9},"worker":"local",)"
          R"("exit_code":null,"signal":9,"peak_memory_bytes":1024,"cpu_seconds":0.25},)"
          R"({"started_at":"2026-03-01T12:00:00.000Z","finished_at":null,"outcome":"running","error":null,"worker":"",)"
          R"("exit_code":null,"signal":null,"peak_memory_bytes":null,"cpu_seconds":null}],)"
          R"("deliveries":{"pending":1,"delivered":20,"exhausted":3}})");
}

TEST_CASE("every outcome of an attempt has a word of its own") {
  std::vector<std::string_view> words;
  for (const auto outcome :
       {AttemptOutcome::running, AttemptOutcome::succeeded, AttemptOutcome::failed, AttemptOutcome::timed_out,
        AttemptOutcome::cancelled, AttemptOutcome::lost, AttemptOutcome::released}) {
    words.push_back(to_text(outcome));
  }
  CHECK(words == std::vector<std::string_view>{"running", "succeeded", "failed", "timed_out", "cancelled",
                                               "lost", "released"});
}

TEST_CASE("a page of tasks and a page of log lines") {
  CHECK(page_json({}, "") == R"({"tasks":[],"next_page_token":""})");
  const auto task = std::make_shared<const TaskSnapshot>(queued_task());
  const std::string status = status_json(*task, std::nullopt);
  CHECK(page_json({{task, task}, std::nullopt}, "abc") ==
        "{\"tasks\":[" + status + "," + status + "],\"next_page_token\":\"abc\"}");
  CHECK(logs_json({}) == R"({"lines":[],"truncated":false})");
  CHECK(
      logs_json({{{3, noon, "stderr", "a\tb"}}, true}) ==
      R"({"lines":[{"n":3,"at":"2026-03-01T12:00:00.000Z","stream":"stderr","text":"a\tb"}],"truncated":true})");
}

TEST_CASE("errors come back from the text in which they are kept") {
  for (const TaskError& error : {TaskError{"A", "", {}, {}, {}}, TaskError{"B", "m\n\"", "r", 0, 9},
                                 TaskError{"C", "x", "", -1, {}}}) {
    const auto again = parse_error_json(error_json(error));
    REQUIRE(again);
    CHECK(again->code == error.code);
    CHECK(again->message == error.message);
    CHECK(again->reason == error.reason);
    CHECK(again->exit_code == error.exit_code);
    CHECK(again->signal == error.signal);
  }
  for (const char* text : {"", "null", "{}", "[]", "{\"message\":\"x\"}", "{\"code\":1}", "{\"code\":"})
    CHECK_FALSE(parse_error_json(text));
  CHECK_FALSE(parse_error_json(R"({"code":"A","exit_code":99999999999})")->exit_code);
}

TEST_CASE("entity tags") {
  CHECK(etag_of(7) == "\"7\"");
  for (const char* header : {"\"7\"", "W/\"7\"", " \"7\" ", "\"6\", \"7\"", "\"6\",W/\"7\",\"8\"",
                             "\"a,b\", \"7\"", ", ,\"7\"", "*", " * ", "\"x\"\"7\""}) {
    CAPTURE(header);
    CHECK(etag_matches(header, 7));
  }
  for (const char* header :
       {"", " ", "7", "\"70\"", "\"07\"", "\"7", "7\"", "\"6\"", "w/\"7\"", "W/7", "\"6, \"7\"", "**",
        "\"*\"", "*, \"7\"", "\"\"", "\"a b\", \"7\"", "W / \"7\""}) {
    CAPTURE(header);
    CHECK_FALSE(etag_matches(header, 7));
  }
}

TEST_CASE("a kept status says so, and gives its result to another") {
  TaskSnapshot made = queued_task();
  made.state = TaskState::succeeded;
  made.result = RawJson{R"({"n":1.50})"};
  made.finished_at = noon + Milliseconds(250);
  const RawJson kept{kept_status_json(made)};
  CHECK(kept.text.find(
            R"("result":{"n":1.50},"error":null,"cache":true,"cached_at":"2026-03-01T12:00:00.250Z",)") !=
        std::string::npos);

  TaskSnapshot live = queued_task();
  live.id = *TaskId::parse("017f22e2-79b0-7cc3-98c4-dc0c0c073990");
  live.state = TaskState::failed;
  live.error = TaskError{"EXIT_CODE", "broken", {}, {}, {}};
  const std::string stale = start_json(live, std::nullopt, {false, &kept});
  CHECK(stale.starts_with(R"({"task_id":"017f22e2-79b0-7cc3-98c4-dc0c0c073990",)"));
  CHECK(stale.find(R"("status":"failed")") != std::string::npos);
  CHECK(stale.find(R"("result":{"n":1.50},"error":{"code":"EXIT_CODE","message":"broken"},"cache":true,)"
                   R"("cached_at":"2026-03-01T12:00:00.250Z","attempt")") != std::string::npos);
  CHECK(start_json(live, std::nullopt, {true, &kept}).find(R"(Z","deduplicated":true,"attempt")") !=
        std::string::npos);
}

TEST_CASE("a start's status is a status, and says when it is another start's") {
  const TaskSnapshot task = queued_task();
  const auto waiting_for = WaitingFor{"behind_others", "3 tasks"};
  CHECK(start_json(task, waiting_for, {}) == status_json(task, waiting_for));
  CHECK(
      start_json(task, waiting_for, {true, nullptr}).find(R"("cache":false,"deduplicated":true,"attempt")") !=
      std::string::npos);
}

TEST_CASE("a short status leaves out a result that is too long") {
  TaskSnapshot task = queued_task();
  task.result = RawJson{"12345"};
  CHECK(short_status_json(task, std::nullopt, 5) == status_json(task, std::nullopt));
  CHECK(short_status_json(task, std::nullopt, 4).find(R"("result":null,"result_omitted":true,)") !=
        std::string::npos);
}
