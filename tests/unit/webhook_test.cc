// Registered webhooks: what a filter lets through, why one is disabled, and how answers show them.
#include "api/webhook.h"

#include <ostream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/webhook_json.h"

using namespace longhaul::api;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

const WallTime noon{std::chrono::milliseconds(1'772'366'400'000)};

TaskSnapshot task_of(const std::string& type, const std::string& queue) {
  TaskSnapshot task;
  task.type = type;
  task.queue = queue;
  return task;
}

Webhook some_webhook() {
  Webhook webhook;
  webhook.id = WebhookId(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8057"));
  webhook.url = "https://example.com/";
  webhook.created_at = noon;
  return webhook;
}

}  // namespace

TEST_CASE("a filter lets through what passes each of its parts") {
  const TaskSnapshot report = task_of("report", "default");
  WebhookFilter filter;
  CHECK(wants(filter, WebhookEvent::task_failed, report));
  CHECK_FALSE(wants(filter, WebhookEvent::task_started, report));
  filter.events = WebhookEvents{WebhookEvent::task_started};
  CHECK(wants(filter, WebhookEvent::task_started, report));
  CHECK_FALSE(wants(filter, WebhookEvent::task_failed, report));
  filter.events.reset();
  CHECK(wants(filter, WebhookEvent::task_started, report));
  CHECK(wants(filter, WebhookEvent::task_retrying, report));
  CHECK_FALSE(wants(filter, WebhookEvent::webhook_test, report));
  filter.types = {"mail", "report"};
  CHECK(wants(filter, WebhookEvent::task_failed, report));
  filter.types = {"mail"};
  CHECK_FALSE(wants(filter, WebhookEvent::task_failed, report));
  filter.types.clear();
  filter.queues = {"slow"};
  CHECK_FALSE(wants(filter, WebhookEvent::task_failed, report));
  CHECK(wants(filter, WebhookEvent::task_failed, task_of("report", "slow")));
}

TEST_CASE("why one is disabled, for the database and for people") {
  for (const DisabledCause cause : {DisabledCause::request, DisabledCause::gone, DisabledCause::failing})
    CHECK(parse_disabled_cause(to_text(cause)) == cause);
  CHECK_FALSE(parse_disabled_cause("away"));
  CHECK(reason_of({DisabledCause::request, noon, {}}) == "On request.");
  CHECK(reason_of({DisabledCause::gone, noon, {}}) == "It answered 410 Gone.");
  const auto failed_for = [](Milliseconds time) { return reason_of({DisabledCause::failing, noon, time}); };
  CHECK(failed_for(120h) == "Every attempt failed for 5 days.");
  CHECK(failed_for(47h) == "Every attempt failed for 47 hours.");
  CHECK(failed_for(90min) == "Every attempt failed for 90 minutes.");
  CHECK(failed_for(119s) == "Every attempt failed for 119 seconds.");
  CHECK(failed_for(1500ms) == "Every attempt failed for 1 second.");
  CHECK(failed_for(999ms) == "Every attempt failed for less than a second.");
}

TEST_CASE("an endpoint is the webhook's own") {
  CHECK(endpoint_of(some_webhook().id) == "webhook:01890a5d-ac96-774b-bcce-b302099a8057");
}

TEST_CASE("a new webhook as JSON") {
  CHECK(
      webhook_json({some_webhook(), {}}) ==
      R"({"webhook_id":"01890a5d-ac96-774b-bcce-b302099a8057","url":"https://example.com/",)"
      R"("events":["task.succeeded","task.failed","task.cancelled","task.timed_out"],"types":null,"queues":null,)"
      R"("description":"","created_at":"2026-03-01T12:00:00.000Z","disabled":false,"disabled_at":null,)"
      R"("disabled_reason":null,"failing_since":null,"circuit":"closed","next_attempt_at":null,)"
      R"("old_secret_expires_at":null})");
}

TEST_CASE("a webhook in trouble as JSON") {
  Webhook webhook = some_webhook();
  webhook.filter.events.reset();
  webhook.filter.types = {"a", "b"};
  webhook.filter.queues = {"q"};
  webhook.description = "of the \"shop\"";
  webhook.disabled = Disabled{DisabledCause::gone, noon + 1s, {}};
  webhook.failing_since = noon + 2s;
  webhook.old_secret_until = noon + 24h;
  const Json json = Json::parse(webhook_json({webhook, noon + 3s}));
  CHECK(json["events"] == Json::array({"*"}));
  CHECK(json["types"] == Json::array({"a", "b"}));
  CHECK(json["queues"] == Json::array({"q"}));
  CHECK(json["description"] == "of the \"shop\"");
  CHECK(json["disabled"] == true);
  CHECK(json["disabled_at"] == "2026-03-01T12:00:01.000Z");
  CHECK(json["disabled_reason"] == "It answered 410 Gone.");
  CHECK(json["failing_since"] == "2026-03-01T12:00:02.000Z");
  CHECK(json["circuit"] == "open");
  CHECK(json["next_attempt_at"] == "2026-03-01T12:00:03.000Z");
  CHECK(json["old_secret_expires_at"] == "2026-03-02T12:00:00.000Z");
  CHECK(Json::parse(webhooks_json({{webhook, noon + 3s}}))["webhooks"] == Json::array({json}));
  CHECK(webhooks_json({}) == R"({"webhooks":[]})");

  Json with_secret = Json::parse(webhook_json({webhook, noon + 3s}, "whsec_x"));
  CHECK(with_secret["secret"] == "whsec_x");
  with_secret.erase("secret");
  CHECK(with_secret == json);
}
