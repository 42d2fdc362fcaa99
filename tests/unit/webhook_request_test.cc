// The bodies that speak of webhooks.
#include "api/webhook_request.h"

#include <ostream>

#include <doctest/doctest.h>

#include "api/fault_list.h"
#include "api/limits.h"
#include "api/time_text.h"
#include "tests/unit/faults_of.h"

using namespace longhaul::api;
using longhaul::tests::faults_of;

namespace {

WebhookRequest accepted(std::string_view body) {
  const auto request = parse_webhook_request(body);
  if (!request) FAIL(faults_of(request));
  return request.value();
}

WebhookChange changed(std::string_view body) {
  const auto change = parse_webhook_change(body);
  if (!change) FAIL(faults_of(change));
  return change.value();
}

// The faults of a new webhook with this member beside a sound URL; those of a change with it are the same.
std::string faults_with(const std::string& member) {
  const std::string of_new = faults_of(parse_webhook_request("{\"url\":\"https://e.f/\"," + member + "}"));
  CHECK(faults_of(parse_webhook_change("{" + member + "}")) == of_new);
  return of_new;
}

std::string names(std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "\"n" : ",\"n") + std::to_string(i) + "\"";
  return "[" + list + "]";
}

const std::string event_rule =
    "must be one of task.started, task.retrying, task.succeeded, task.failed, task.cancelled, "
    "task.timed_out; "
    "[\"*\"] alone means every event";
const std::string names_rule =
    "must be an array of 1 to 100 names; null, or none at all, means all there are";

}  // namespace

TEST_CASE("a bare webhook is told of every end of every task") {
  const WebhookRequest request = accepted(R"({"url":"https://example.com/a?b"})");
  CHECK(request.url == "https://example.com/a?b");
  CHECK(request.filter == WebhookFilter{});
  CHECK(request.filter.events == WebhookEvents::final_ones());
  CHECK(request.description.empty());
}

TEST_CASE("a whole webhook") {
  const WebhookRequest request = accepted(
      R"({"url":"http://e.f","events":["task.started","task.failed","task.started"],"types":["b","a","b"],)"
      R"("queues":["q"],"description":"\u00fc\n"})");
  CHECK(request.filter.events == WebhookEvents{WebhookEvent::task_started, WebhookEvent::task_failed});
  CHECK(request.filter.types == std::vector<std::string>{"b", "a"});
  CHECK(request.filter.queues == std::vector<std::string>{"q"});
  CHECK(request.description == "\u00fc\n");
  CHECK_FALSE(accepted(R"({"url":"http://e.f","events":["*"]})").filter.events);
  CHECK(accepted(R"({"url":"http://e.f","types":null,"queues":null})").filter == WebhookFilter{});
  CHECK(accepted("{\"url\":\"http://e.f\",\"types\":" + names(100) + "}").filter.types.size() == 100);
}

TEST_CASE("a change has what is to be changed") {
  const WebhookChange one = changed(R"({"description":""})");
  CHECK(one.description == "");
  CHECK_FALSE(one.url);
  CHECK_FALSE(one.events);
  CHECK_FALSE(one.types);
  CHECK_FALSE(one.queues);
  CHECK_FALSE(one.disabled);
  CHECK(changed(R"({"disabled":true})").disabled == true);
  CHECK(changed(R"({"disabled":false})").disabled == false);
  CHECK(changed(R"({"url":"http://e.f"})").url == "http://e.f");
  CHECK(changed(R"({"events":["task.failed"]})").events.value() == WebhookEvents{WebhookEvent::task_failed});
  const WebhookChange every = changed(R"({"events":["*"],"types":null,"queues":["q"]})");
  REQUIRE(every.events);
  CHECK_FALSE(*every.events);
  CHECK(every.types == std::vector<std::string>{});
  CHECK(every.queues == std::vector<std::string>{"q"});
}

TEST_CASE("what is wrong with a webhook") {
  CHECK(faults_of(parse_webhook_request("[]")) == "#: must be an object");
  CHECK(faults_of(parse_webhook_change("null")) == "#: must be an object");
  CHECK(parse_webhook_request("").error().code == ErrorCode::malformed_json);
  CHECK(parse_webhook_change("{").error().code == ErrorCode::malformed_json);
  CHECK(faults_of(parse_webhook_request("{}")) == "#/url: is required");
  CHECK(faults_of(parse_webhook_change("{}")) == "#: must change something");
  CHECK(faults_of(parse_webhook_change(R"({"a":1})")) == "#/a: is not a field of this request");
  CHECK(faults_of(parse_webhook_request(R"({"url":7})")) == "#/url: must be a string");
  CHECK(faults_of(parse_webhook_request(R"({"url":"ftp://e.f"})")).starts_with("#/url: must "));
  CHECK(faults_of(parse_webhook_change(R"({"url":null})")) == "#/url: must be a string");
  CHECK(faults_of(parse_webhook_request(R"({"url":"http://e.f","disabled":true})")) ==
        "#/disabled: is not a field of this request");
  CHECK(faults_of(parse_webhook_change(R"({"disabled":"yes"})")) == "#/disabled: must be true or false");
  CHECK(faults_of(parse_webhook_change(R"({"disabled":null})")) == "#/disabled: must be true or false");
  CHECK(faults_with(R"("secret":"whsec_")") == "#/secret: is not a field of this request");
}

TEST_CASE("events that are none") {
  for (const std::string value : {"[]", "null", "7", "\"*\"", "{}"})
    CHECK(faults_with("\"events\":" + value) == "#/events: must be an array of at least one event");
  CHECK(faults_with(R"("events":["*","task.failed"])") == "#/events/0: " + event_rule);
  CHECK(faults_with(R"("events":["*","*"])") == "#/events/0: " + event_rule + "\n#/events/1: " + event_rule);
  CHECK(faults_with(R"("events":["task.failed",null])") == "#/events/1: " + event_rule);
  CHECK(faults_with(R"("events":["webhook.test"])") == "#/events/0: " + event_rule);
}

TEST_CASE("names that are none") {
  for (const std::string field : {"types", "queues"}) {
    const std::string start = "\"" + field + "\":";
    for (const std::string& value : {std::string("[]"), std::string("\"a\""), std::string("{}"), names(101)})
      CHECK(faults_with(start + value) == "#/" + field + ": " + names_rule);
    CHECK(faults_with(start + R"(["a",7])") == "#/" + field + "/1: must be a string");
    CHECK(faults_with(start + R"(["a b"])") == "#/" + field + "/0: " + name_rule(limits::type_chars));
    CHECK(faults_with(start + R"([""])") == "#/" + field + "/0: " + name_rule(limits::type_chars));
  }
}

TEST_CASE("descriptions that are none") {
  std::string longest;
  for (std::size_t i = 0; i < limits::webhook_description_chars; ++i) longest += "\u00fc";
  CHECK(faults_with("\"description\":\"" + longest + "\"").empty());
  CHECK(faults_with("\"description\":\"x" + longest + "\"") ==
        "#/description: must be at most 500 characters");
  CHECK(faults_with(R"("description":null)") == "#/description: must be a string");
  CHECK(faults_with(R"("description":"a\u0000")") == "#/description: must not contain U+0000");
}

TEST_CASE("every fault is told") {
  CHECK(faults_of(parse_webhook_request(
            R"({"url":1,"events":[],"types":[],"queues":[1],"description":2,"x":3})")) ==
        "#/url: must be a string\n#/events: must be an array of at least one event\n#/types: " + names_rule +
            "\n#/queues/0: must be a string\n#/description: must be a string\n#/x: is not a field of this "
            "request");
}

TEST_CASE("where a URL may lead is judged once it is sound") {
  const UrlJudge judge = [](const std::string& url) -> std::optional<std::string> {
    return url == "http://inside/" ? std::optional<std::string>("must not lead there") : std::nullopt;
  };
  CHECK(parse_webhook_request(R"({"url":"http://outside/"})", judge));
  CHECK(faults_of(parse_webhook_request(R"({"url":"http://inside/"})", judge)) ==
        "#/url: must not lead there");
  CHECK(faults_of(parse_webhook_change(R"({"url":"http://inside/"})", judge)) ==
        "#/url: must not lead there");
  CHECK(parse_webhook_change(R"({"disabled":true})", judge));
}

TEST_CASE("since when to recover") {
  CHECK(parse_recover_request(R"({"since":"2026-03-01T12:00:00+01:00"})").value() ==
        parse_time("2026-03-01T11:00:00Z").value());
  CHECK(faults_of(parse_recover_request("{}")) == "#/since: is required");
  CHECK(faults_of(parse_recover_request(R"({"since":5,"until":5})")).starts_with("#/since: must be a time"));
  CHECK(faults_of(parse_recover_request(R"({"since":5,"until":5})"))
            .ends_with("#/until: is not a field of this request"));
  CHECK(faults_of(parse_recover_request("[]")) == "#: must be an object");
  CHECK(parse_recover_request("").error().code == ErrorCode::malformed_json);
}
