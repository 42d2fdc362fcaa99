// The description for machines against the tables and limits that the code goes by.
#include <ostream>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/delivery.h"
#include "api/limits.h"
#include "api/problem.h"
#include "api/task.h"
#include "api/task_state.h"
#include "embedded/openapi.h"

using namespace longhaul::api;
using Json = nlohmann::json;

namespace {

Json description() {
  const auto files = longhaul::embedded::openapi();
  REQUIRE(files.size() == 1);
  CHECK(files[0].name == "openapi.json");
  return Json::parse(files[0].text);
}

std::set<std::string> strings_of(const Json& list) { return list.get<std::set<std::string>>(); }

std::set<std::string> names_of(const Json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

// Calls `visit` with each value below `node` and itself.
template <class Visit>
void walk(const Json& node, const Visit& visit) {
  visit(node);
  if (!node.is_structured()) return;
  for (const auto& child : node) walk(child, visit);
}

}  // namespace

TEST_CASE("the codes of problems are those of the table") {
  const Json api = description();
  std::set<std::string> codes;
  for (const ErrorInfo& row : error_table()) codes.emplace(row.name);
  CHECK(strings_of(api["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == codes);
}

TEST_CASE("each problem answer has the status and only codes of its row") {
  const Json api = description();
  std::set<std::string> described;
  for (const auto& response : api["components"]["responses"].items()) {
    CAPTURE(response.key());
    const Json& narrowed =
        response.value()["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"];
    const int status = narrowed["status"]["const"].get<int>();
    const Json& code = narrowed["code"];
    for (const std::string& one :
         code.contains("const") ? std::set<std::string>{code["const"]} : strings_of(code["enum"])) {
      described.insert(one);
      for (const ErrorInfo& row : error_table()) {
        if (row.name == one) CHECK(row.status == status);
      }
    }
  }
  CHECK(described.size() == error_table().size());
}

TEST_CASE("answers refer to the problem of their status") {
  const Json api = description();
  for (const auto& path : api["paths"].items()) {
    for (const auto& operation : path.value().items()) {
      for (const auto& answer : operation.value()["responses"].items()) {
        const std::string& status = answer.key();
        const Json& response = answer.value();
        CAPTURE(path.key());
        CAPTURE(operation.key());
        CAPTURE(status);
        if (!response.contains("$ref")) {
          CHECK(std::stoi(status) < 400);
          CHECK(response["headers"].contains("X-Request-Id"));
          continue;
        }
        const std::string pointer = response["$ref"].get<std::string>().substr(1);
        const Json& problem = api.at(Json::json_pointer(pointer));
        const Json& schema = problem["content"]["application/problem+json"]["schema"];
        CHECK(schema["allOf"][1]["properties"]["status"]["const"].get<int>() == std::stoi(status));
      }
    }
  }
}

TEST_CASE("states and outcomes are those of the code") {
  const Json api = description();
  const Json& schemas = api["components"]["schemas"];
  std::set<std::string> states;
  std::set<std::string> unfinished;
  for (int i = 0; i < task_state_count; ++i) {
    const auto state = static_cast<TaskState>(i);
    states.emplace(to_text(state));
    if (!is_final(state)) unfinished.emplace(to_text(state));
  }
  CHECK(strings_of(schemas["TaskState"]["enum"]) == states);
  CHECK(names_of(schemas["Stats"]["properties"]["tasks"]["properties"]) == states);
  CHECK(names_of(schemas["Stats"]["properties"]["queues"]["additionalProperties"]["properties"]) ==
        unfinished);
  std::set<std::string> outcomes;
  for (int i = 0; i <= static_cast<int>(AttemptOutcome::released); ++i)
    outcomes.emplace(to_text(static_cast<AttemptOutcome>(i)));
  CHECK(strings_of(schemas["Attempt"]["properties"]["outcome"]["enum"]) == outcomes);
  std::set<std::string> events;
  for (int i = 0; i < webhook_event_count; ++i) events.emplace(to_text(static_cast<WebhookEvent>(i)));
  CHECK(strings_of(schemas["WebhookEvent"]["enum"]) == events);
  events.erase("webhook.test");
  CHECK(strings_of(schemas["TaskEvent"]["enum"]) == events);
  std::set<std::string> statuses;
  for (const auto status : {DeliveryStatus::pending, DeliveryStatus::delivered, DeliveryStatus::exhausted})
    statuses.emplace(to_text(status));
  CHECK(strings_of(schemas["DeliveryStatus"]["enum"]) == statuses);
  CHECK(names_of(schemas["TaskDetail"]["properties"]["deliveries"]["properties"]) == statuses);
  const Json& causes = schemas["Delivery"]["properties"]["exhausted_cause"]["enum"];
  CHECK(causes.size() == static_cast<std::size_t>(ExhaustedCause::circuit_open) + 2);
  for (const auto& cause : causes)
    CHECK((cause.is_null() || parse_exhausted_cause(cause.get<std::string>())));
}

TEST_CASE("limits are those of the code") {
  const Json api = description();
  const Json& schemas = api["components"]["schemas"];
  const Json& start = schemas["StartRequest"]["properties"];
  CHECK(schemas["Name"]["maxLength"] == limits::type_chars);
  CHECK(limits::type_chars == limits::queue_chars);
  CHECK(start["priority"]["minimum"] == limits::priority_min);
  CHECK(start["priority"]["maximum"] == limits::priority_max);
  CHECK(start["max_attempts"]["minimum"] == limits::max_attempts_min);
  CHECK(start["max_attempts"]["maximum"] == limits::max_attempts_max);
  for (const char* field : {"delay_seconds", "timeout_seconds", "deadline_seconds", "expires_seconds"}) {
    CHECK(start[field]["maximum"] == limits::duration_seconds_max);
  }
  CHECK(start["callback_url"]["maxLength"] == limits::callback_url_chars);
  CHECK(schemas["Tags"]["maxProperties"] == limits::tags);
  CHECK(schemas["Tags"]["propertyNames"]["maxLength"] == limits::tag_name_chars);
  CHECK(schemas["Tags"]["additionalProperties"]["maxLength"] == limits::tag_value_chars);
  CHECK(schemas["TaskPage"]["properties"]["tasks"]["maxItems"] == limits::page_size_max);
  CHECK(schemas["LogPage"]["properties"]["lines"]["maxItems"] == limits::log_page_lines);
  CHECK(schemas["Problem"]["properties"]["errors"]["maxItems"] == limits::listed_faults);
  const Json& parameters = api["components"]["parameters"];
  CHECK(parameters["Wait"]["schema"]["maximum"] == limits::wait_seconds_max);
  CHECK(parameters["StartWait"]["schema"]["maximum"] == limits::wait_seconds_max);
  CHECK(schemas["StatusList"]["properties"]["tasks"]["maxItems"] == limits::ids_at_once);
  CHECK(start["unique_key"]["maxLength"] == limits::unique_key_chars);
  CHECK(start["cache"]["properties"]["key"]["maxLength"] == limits::cache_key_chars);
  CHECK(start["cache"]["properties"]["stale_seconds"]["maximum"] == limits::duration_seconds_max);
  const Json& webhook = schemas["WebhookRequest"]["properties"];
  CHECK(webhook["description"]["maxLength"] == limits::webhook_description_chars);
  CHECK(schemas["WebhookUrl"]["maxLength"] == limits::callback_url_chars);
  CHECK(schemas["WebhookNames"]["maxItems"] == limits::webhook_names);
  CHECK(schemas["WebhookList"]["properties"]["webhooks"]["maxItems"] == limits::webhooks);
  CHECK(schemas["DeliveryPage"]["properties"]["deliveries"]["maxItems"] == limits::page_size_max);
  CHECK(schemas["DeliveryDetail"]["properties"]["attempts"]["maxItems"] == limits::kept_delivery_attempts);
  CHECK(parameters["IdempotencyKey"]["schema"]["maxLength"] == limits::idempotency_key_chars + 2);
}

TEST_CASE("the fields of a start are the ones that are read") {
  const Json api = description();
  CHECK(names_of(api["components"]["schemas"]["StartRequest"]["properties"]) ==
        std::set<std::string>{"type", "payload", "queue", "priority", "delay_seconds", "run_at",
                              "timeout_seconds", "deadline_seconds", "deadline_at", "expires_seconds",
                              "max_attempts", "tags", "callback_url", "callback_events", "unique_key",
                              "cache", "on_timeout"});
}

TEST_CASE("the fields of a webhook are the ones that are read") {
  const Json api = description();
  std::set<std::string> fields{"url", "events", "types", "queues", "description"};
  CHECK(names_of(api["components"]["schemas"]["WebhookRequest"]["properties"]) == fields);
  fields.insert("disabled");
  CHECK(names_of(api["components"]["schemas"]["WebhookChange"]["properties"]) == fields);
}

TEST_CASE("objects are closed, and what they require they have") {
  const Json api = description();
  walk(api["components"]["schemas"], [](const Json& node) {
    if (!node.is_object() || !node.contains("properties") || node.value("type", Json()) != "object") return;
    const bool narrows_another = !node.contains("required") && !node.contains("additionalProperties");
    if (narrows_another) return;
    CAPTURE(node.dump());
    CHECK(node.contains("additionalProperties"));
    if (!node.contains("required")) return;
    for (const auto& name : node["required"]) CHECK(node["properties"].contains(name.get<std::string>()));
  });
}

TEST_CASE("every reference leads somewhere, and everything shared is used") {
  const Json api = description();
  std::set<std::string> used;
  walk(api, [&](const Json& node) {
    if (!node.is_object() || !node.contains("$ref")) return;
    const std::string reference = node["$ref"].get<std::string>();
    CAPTURE(reference);
    REQUIRE(reference.starts_with("#/"));
    CHECK(api.contains(Json::json_pointer(reference.substr(1))));
    used.insert(reference);
  });
  // These two answer for what is not described: other paths, other methods. The description's text says so.
  used.insert("#/components/responses/NotFound");
  used.insert("#/components/responses/MethodNotAllowed");
  for (const char* kind : {"schemas", "responses", "parameters", "headers"}) {
    for (const auto& shared : api["components"][kind].items()) {
      const std::string reference = "#/components/" + std::string(kind) + "/" + shared.key();
      CAPTURE(reference);
      CHECK(used.contains(reference));
    }
  }
}
