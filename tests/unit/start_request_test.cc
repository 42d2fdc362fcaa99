#include "api/start_request.h"

#include <ostream>

#include <doctest/doctest.h>

#include "api/limits.h"
#include "api/time_text.h"
#include "tests/unit/faults_of.h"

using namespace longhaul::api;
using longhaul::tests::faults_of;

namespace {

StartRequest accepted(std::string_view body) {
  const auto request = parse_start_request(body);
  if (!request) FAIL(request.error().detail);
  return request.value();
}

std::string faults(std::string_view body) { return faults_of(parse_start_request(body)); }

// The faults of a body that has this member beside a sound type.
std::string faults_with(const std::string& member) { return faults("{\"type\":\"t\"," + member + "}"); }

}  // namespace

TEST_CASE("a bare start takes the defaults") {
  const StartRequest request = accepted(R"({"type":"echo"})");
  CHECK(request.type == "echo");
  CHECK(request.payload.text == "null");
  CHECK(request.queue == "default");
  CHECK(request.priority == 0);
  CHECK_FALSE(request.delay);
  CHECK_FALSE(request.run_at);
  CHECK_FALSE(request.timeout);
  CHECK_FALSE(request.deadline);
  CHECK_FALSE(request.deadline_at);
  CHECK_FALSE(request.expires);
  CHECK_FALSE(request.max_attempts);
  CHECK(request.tags.empty());
  CHECK_FALSE(request.callback);
  CHECK_FALSE(request.unique_key);
  CHECK_FALSE(request.cache);
  CHECK(request.on_timeout == OnTimeout::go_on);
}

TEST_CASE("what a start says of tasks and results that are there already") {
  const StartRequest request = accepted(
      R"({"type":"t","unique_key":"a\"b","on_timeout":"cancel","cache":{"stale_seconds":60.5,"key":"k","fresh_seconds":1}})");
  CHECK(request.unique_key == "a\"b");
  CHECK(request.on_timeout == OnTimeout::cancel);
  CHECK(request.cache.value().key == "k");
  CHECK(request.cache->fresh == Milliseconds(1'000));
  CHECK(request.cache->stale == Milliseconds(60'500));
  CHECK(accepted(R"({"type":"t","on_timeout":"continue"})").on_timeout == OnTimeout::go_on);
  const std::string longest(limits::unique_key_chars, 'k');
  CHECK(accepted("{\"type\":\"t\",\"unique_key\":\"" + longest + "\"}").unique_key == longest);

  const std::string rule = ": must be 1 to 255 characters";
  CHECK(faults_with("\"unique_key\":\"k" + longest + "\"") == "#/unique_key" + rule);
  CHECK(faults_with(R"("unique_key":"")") == "#/unique_key" + rule);
  CHECK(faults_with(R"("unique_key":"a\u0000")") == "#/unique_key: must not contain U+0000");
  CHECK(faults_with(R"("unique_key":null)") == "#/unique_key: must be a string");
  for (const std::string value : {"\"stop\"", "null", "true"})
    CHECK(faults_with("\"on_timeout\":" + value) == "#/on_timeout: must be \"continue\" or \"cancel\"");

  CHECK(faults_with(R"("cache":"k")") == "#/cache: must be an object");
  CHECK(faults_with(R"("cache":{"ttl":1})") ==
        "#/cache/ttl: is not a member of this object\n#/cache/key: is required\n#/cache/fresh_seconds: is "
        "required\n#/cache/stale_seconds: is required");
  CHECK(faults_with(R"("cache":{"key":"","fresh_seconds":-1,"stale_seconds":"1"})") ==
        "#/cache/key" + rule +
            "\n#/cache/fresh_seconds: must be at least 0\n#/cache/stale_seconds: must be a number");
  CHECK(faults_with(R"("cache":{"key":"k","fresh_seconds":2,"stale_seconds":1})") ==
        "#/cache/fresh_seconds: must be at most stale_seconds");
}

TEST_CASE("a callback has a URL and events") {
  const StartRequest plain = accepted(R"({"type":"t","callback_url":"https://example.com/a?b"})");
  CHECK(plain.callback.value().url == "https://example.com/a?b");
  CHECK(plain.callback->events == WebhookEvents::final_ones());
  const StartRequest chosen = accepted(
      R"({"type":"t","callback_events":["task.failed","task.started","task.failed"],"callback_url":"http://e.f"})");
  CHECK(chosen.callback.value().url == "http://e.f");
  CHECK(chosen.callback->events == WebhookEvents{WebhookEvent::task_started, WebhookEvent::task_failed});

  CHECK(faults_with(R"("callback_url":7)") == "#/callback_url: must be a string");
  CHECK(faults_with(R"("callback_url":"http://u@e.f")") ==
        "#/callback_url: must not hold a user name or password");
  CHECK(faults_with(R"("callback_events":["task.failed"])") ==
        "#/callback_events: must not be given without callback_url");
  const std::string url = R"("callback_url":"http://e.f",)";
  for (const std::string value : {"[]", "null", R"("task.failed")", R"({"task.failed":1})"}) {
    CHECK(faults_with(url + "\"callback_events\":" + value) ==
          "#/callback_events: must be an array of at least one event");
  }
  const std::string rule =
      ": must be one of task.started, task.retrying, task.succeeded, task.failed, task.cancelled, "
      "task.timed_out";
  CHECK(faults_with(url + R"("callback_events":["task.failed","*",1])") ==
        "#/callback_events/1" + rule + "\n#/callback_events/2" + rule);
}

TEST_CASE("every field is read") {
  const StartRequest request = accepted(R"({
    "type": "reports.monthly:pdf-2", "payload": {"b": 1.0, "a": [-0, 1e400, 12345678901234567890123]},
    "queue": "slow", "priority": -100, "run_at": "2026-03-01T12:00:00+01:00", "timeout_seconds": 1.5,
    "deadline_at": "2026-03-02T00:00:00Z", "expires_seconds": 30, "max_attempts": 100.0,
    "tags": {"z": "", "customer": "caf\u00e9"}})");
  CHECK(request.type == "reports.monthly:pdf-2");
  CHECK(request.payload.text == R"({"b":1.0,"a":[-0,1e400,12345678901234567890123]})");
  CHECK(request.queue == "slow");
  CHECK(request.priority == -100);
  CHECK(request.run_at == parse_time("2026-03-01T11:00:00Z"));
  CHECK(request.timeout == Milliseconds(1500));
  CHECK(request.deadline_at == parse_time("2026-03-02T00:00:00Z"));
  CHECK(request.expires == Milliseconds(30'000));
  CHECK(request.max_attempts == 100);
  REQUIRE(request.tags.size() == 2);
  CHECK(request.tags[0] == std::pair<std::string, std::string>("customer", "caf\xC3\xA9"));
  CHECK(request.tags[1] == std::pair<std::string, std::string>("z", ""));
  const StartRequest relative = accepted(R"({"type":"t","delay_seconds":0,"deadline_seconds":0.0001})");
  CHECK(relative.delay == Milliseconds(0));
  CHECK(relative.deadline == Milliseconds(1));
}

TEST_CASE("a payload may be any value, null too") {
  for (const std::string payload : {"null", "0", "\"x\"", "[]", "{}", "false"}) {
    CHECK(accepted("{\"type\":\"t\",\"payload\":" + payload + "}").payload.text == payload);
  }
}

TEST_CASE("past dates are taken: this layer has no clock") {
  CHECK(accepted(R"({"type":"t","run_at":"1970-01-01T00:00:00Z"})").run_at == WallTime{});
  CHECK(accepted(R"({"type":"t","deadline_at":"1970-01-01T00:00:00Z"})").deadline_at == WallTime{});
}

TEST_CASE("what is not JSON is a 400, what is not an object a 422") {
  CHECK(parse_start_request("{").error().code == ErrorCode::malformed_json);
  CHECK(parse_start_request("").error().code == ErrorCode::malformed_json);
  CHECK(parse_start_request(R"({"type":"a","type":"a"})").error().code == ErrorCode::malformed_json);
  for (const char* body : {"[]", "1", "null", "\"type\"", "true"})
    CHECK(faults(body) == "#: must be an object");
}

TEST_CASE("a type is required and has a form") {
  CHECK(faults("{}") == "#/type: is required");
  const std::string rule = "#/type: must be 1 to 100 characters of A-Z a-z 0-9 _ . : -";
  for (const std::string name : {"", " ", "a b", "a/b", "caf\xC3\xA9", "a\\u0000", "a\\n"}) {
    CHECK(faults("{\"type\":\"" + name + "\"}") == rule);
  }
  CHECK(faults("{\"type\":\"" + std::string(101, 'a') + "\"}") == rule);
  CHECK(faults("{\"type\":\"" + std::string(100, 'a') + "\"}").empty());
  CHECK(faults(R"({"type":"aA0_.:-"})").empty());
  for (const std::string value : {"null", "1", "{}", "[\"t\"]"}) {
    CHECK(faults("{\"type\":" + value + "}") == "#/type: must be a string");
  }
  CHECK(faults_with(R"("queue":"")") == "#/queue: must be 1 to 100 characters of A-Z a-z 0-9 _ . : -");
  CHECK(faults_with("\"queue\":\"" + std::string(101, 'q') + "\"") ==
        "#/queue: must be 1 to 100 characters of A-Z a-z 0-9 _ . : -");
}

TEST_CASE("integers have their range, by value") {
  const std::string priority = "#/priority: must be an integer from -100 to 100";
  for (const std::string value :
       {"101", "-101", "1.5", "\"1\"", "null", "true", "1e400", "99999999999999999999"}) {
    CHECK(faults_with("\"priority\":" + value) == priority);
  }
  CHECK(accepted(R"({"type":"t","priority":1e2})").priority == 100);
  const std::string attempts = "#/max_attempts: must be an integer from 1 to 100";
  for (const std::string value : {"0", "101", "-1", "0.5", "null"})
    CHECK(faults_with("\"max_attempts\":" + value) == attempts);
  CHECK(accepted(R"({"type":"t","max_attempts":1})").max_attempts == 1);
}

TEST_CASE("durations have their range") {
  for (const std::string field : {"timeout_seconds", "deadline_seconds", "expires_seconds"}) {
    const std::string at = "#/" + field;
    for (const std::string value : {"0", "-1", "-0", "-0.0001", "-1e400", "0e400", "-1e-400"}) {
      CHECK(faults_with("\"" + field + "\":" + value) == at + ": must be greater than 0");
    }
    for (const std::string value : {"null", "\"1\"", "true", "{}", "[1]"}) {
      CHECK(faults_with("\"" + field + "\":" + value) == at + ": must be a number");
    }
    for (const std::string value : {"316224000.001", "316224001", "1e400", "99999999999999999999999"}) {
      CHECK(faults_with("\"" + field + "\":" + value) == at + ": must be at most 316224000");
    }
    for (const std::string value : {"1e-400", "0.001", "316224000"})
      CHECK(faults_with("\"" + field + "\":" + value).empty());
  }
  CHECK(faults_with(R"("delay_seconds":-1)") == "#/delay_seconds: must be at least 0");
  CHECK(faults_with(R"("delay_seconds":-0)").empty());
  CHECK(accepted(R"({"type":"t","timeout_seconds":1e-300})").timeout == Milliseconds(1));
  CHECK(accepted(R"({"type":"t","timeout_seconds":1.0005})").timeout == Milliseconds(1001));
  CHECK(accepted(R"({"type":"t","timeout_seconds":316224000})").timeout == Milliseconds(316'224'000'000));
}

TEST_CASE("times are RFC 3339 strings") {
  for (const std::string field : {"run_at", "deadline_at"}) {
    for (const std::string value :
         {"\"tomorrow\"", "1772366400", "null", "\"2026-02-29T00:00:00Z\"", "\"\""}) {
      CHECK(faults_with("\"" + field + "\":" + value)
                .starts_with("#/" + field + ": must be a time as RFC 3339"));
    }
  }
}

TEST_CASE("one of two, and the second is at fault") {
  CHECK(faults_with(R"("delay_seconds":1,"run_at":"2026-03-01T12:00:00Z")") ==
        "#/run_at: must not be given together with delay_seconds");
  CHECK(faults_with(R"("run_at":"2026-03-01T12:00:00Z","delay_seconds":1)") ==
        "#/delay_seconds: must not be given together with run_at");
  CHECK(faults_with(R"("deadline_seconds":1,"deadline_at":"2026-03-01T12:00:00Z")") ==
        "#/deadline_at: must not be given together with deadline_seconds");
  CHECK(faults_with(R"("deadline_at":"2026-03-01T12:00:00Z","deadline_seconds":1)") ==
        "#/deadline_seconds: must not be given together with deadline_at");
}

TEST_CASE("unknown fields are refused, those of later versions too") {
  for (const std::string field : {"replaces", "concurrency_key", "depends_on", "Type", "timeout"}) {
    CHECK(faults_with("\"" + field + "\":1") == "#/" + field + ": is not a field of this request");
  }
}

TEST_CASE("pointers are JSON pointers as URI fragments") {
  CHECK(faults_with(R"("a/b":1)") == "#/a~1b: is not a field of this request");
  CHECK(faults_with(R"("a~b":1)") == "#/a~0b: is not a field of this request");
  CHECK(faults_with(R"("":1)") == "#/: is not a field of this request");
  CHECK(faults_with(R"("a b%#":1)") == "#/a%20b%25%23: is not a field of this request");
  CHECK(faults_with("\"\xC3\xA9\\n\":1") == "#/%C3%A9%0A: is not a field of this request");
  CHECK(faults_with(R"("tags":{"a/b":1})") == "#/tags/a~1b: must be a string");
}

TEST_CASE("tags have their limits") {
  for (const std::string value : {"null", "[]", "\"a\"", "1"})
    CHECK(faults_with("\"tags\":" + value) == "#/tags: must be an object of strings");
  CHECK(accepted(R"({"type":"t","tags":{}})").tags.empty());
  CHECK(faults_with(R"("tags":{"a":null,"b":1})") ==
        "#/tags/a: must be a string\n#/tags/b: must be a string");
  CHECK(faults_with(R"("tags":{"":"x"})") == "#/tags/: a tag's name must be 1 to 64 characters");
  // Characters are counted, not bytes.
  std::string euros;
  for (std::size_t i = 0; i < limits::tag_name_chars; ++i) euros += "\xE2\x82\xAC";
  CHECK(faults_with("\"tags\":{\"" + euros + "\":\"" + euros + euros + euros + euros + "\"}").empty());
  CHECK_FALSE(faults_with("\"tags\":{\"" + euros + "x\":\"\"}").empty());
  CHECK(faults_with("\"tags\":{\"a\":\"" + std::string(257, 'v') + "\"}") ==
        "#/tags/a: must be at most 256 characters");
  CHECK(faults_with(R"("tags":{"a":"b\u0000c"})") == "#/tags/a: must not contain U+0000");
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"v\"";
  CHECK(faults_with("\"tags\":{" + sixteen + "}").empty());
  CHECK(faults_with("\"tags\":{" + sixteen + ",\"x\":\"v\"}") == "#/tags: must have at most 16 members");
}

TEST_CASE("every fault is listed, in the order of the body") {
  const auto refused = parse_start_request(
      R"({"priority":200,"colour":1,"timeout_seconds":"x","tags":{"a":1},"run_at":"x","delay_seconds":-1})");
  CHECK(faults_of(refused) ==
        "#/priority: must be an integer from -100 to 100\n"
        "#/colour: is not a field of this request\n"
        "#/timeout_seconds: must be a number\n"
        "#/tags/a: must be a string\n"
        "#/run_at: must be a time as RFC 3339 writes it, like \"2026-03-01T12:00:00.250Z\"\n"
        "#/delay_seconds: must be at least 0\n"
        "#/delay_seconds: must not be given together with run_at\n"
        "#/type: is required");
  CHECK(refused.error().detail == "8 faults; all are listed.");
  CHECK(parse_start_request("{}").error().detail == "#/type is required.");
}

TEST_CASE("a flood of faults is cut, and says so") {
  std::string body = "{\"type\":\"t\"";
  for (int i = 0; i < 5'000; ++i) body += ",\"x" + std::to_string(i) + "\":0";
  const auto refused = parse_start_request(body + "}");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().errors.size() == limits::listed_faults);
  CHECK(refused.error().detail == "5000 faults; the first 100 are listed.");
}

TEST_CASE("a retry's body may be empty, or give another deadline") {
  CHECK(parse_retry_request("").ok());
  const auto none = parse_retry_request("{}");
  REQUIRE(none.ok());
  CHECK_FALSE(none->deadline);
  CHECK_FALSE(none->deadline_at);
  CHECK(parse_retry_request(R"({"deadline_seconds":2})")->deadline == Milliseconds(2000));
  CHECK(parse_retry_request(R"({"deadline_at":"2026-03-01T12:00:00Z"})")->deadline_at ==
        parse_time("2026-03-01T12:00:00Z"));
  CHECK(faults_of(parse_retry_request(R"({"deadline_seconds":2,"deadline_at":"2026-03-01T12:00:00Z"})")) ==
        "#/deadline_at: must not be given together with deadline_seconds");
  CHECK(faults_of(parse_retry_request(R"({"type":"t"})")) == "#/type: is not a field of this request");
  CHECK(faults_of(parse_retry_request("null")) == "#: must be an object");
  CHECK(parse_retry_request("{").error().code == ErrorCode::malformed_json);
  CHECK(parse_retry_request(" ").error().code == ErrorCode::malformed_json);
}
