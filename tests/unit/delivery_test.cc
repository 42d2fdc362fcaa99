// Webhook events, the body of a delivery, and deliveries as answers show them.
#include "api/delivery.h"

#include <ostream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "api/limits.h"
#include "api/task_json.h"

using namespace longhaul::api;
using namespace std::chrono_literals;
using Json = nlohmann::json;

namespace {

const WallTime noon{std::chrono::milliseconds(1'772'366'400'000)};

TaskSnapshot succeeded() {
  TaskSnapshot task;
  task.id = *TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8057");
  task.type = "t";
  task.queue = "default";
  task.state = TaskState::succeeded;
  task.created_at = task.run_at = noon;
  task.finished_at = noon;
  task.result = RawJson{"1.50"};
  return task;
}

}  // namespace

TEST_CASE("every change of the table that ends a task, starts it or puts it off has its event") {
  using Names = std::vector<std::string>;
  Names told;
  for (const Transition& row : transitions()) {
    const auto event = event_of(row.from, row.to);
    const bool told_of = is_final(row.to) || row.to == TaskState::running ||
                         (row.from == TaskState::running && row.to == TaskState::scheduled);
    CAPTURE(row.why);
    CHECK(event.has_value() == told_of);
    if (!event) continue;
    CHECK(parse_webhook_event(to_text(*event)) == event);
    if (is_final(row.to)) {
      CHECK(to_text(*event) == "task." + std::string(to_text(row.to)));
      CHECK(WebhookEvents::final_ones().contains(*event));
    } else {
      CHECK_FALSE(WebhookEvents::final_ones().contains(*event));
    }
  }
  CHECK_FALSE(parse_webhook_event("task.succeede"));
  CHECK_FALSE(parse_webhook_event(""));
}

TEST_CASE("a set of events outlives its number") {
  WebhookEvents events;
  CHECK(events.empty());
  events.insert(WebhookEvent::task_failed);
  CHECK(events == WebhookEvents{WebhookEvent::task_failed});
  CHECK(WebhookEvents::from_bits(events.bits()) == events);
  CHECK(WebhookEvents::from_bits(0xFFFF'FFFF).bits() == (1U << webhook_event_count) - 1);
  // What databases hold: a bit is never given to another event.
  CHECK(WebhookEvents::final_ones().bits() == 0b111100);
}

TEST_CASE("the body of a delivery is the event, its time and the status") {
  const TaskSnapshot task = succeeded();
  CHECK(delivery_body(WebhookEvent::task_succeeded, noon + 250ms, task) ==
        R"({"type":"task.succeeded","timestamp":"2026-03-01T12:00:00.250Z","data":)" +
            status_json(task, std::nullopt) + "}");
}

TEST_CASE("a result over the limit is left out of the body only") {
  TaskSnapshot task = succeeded();
  task.result->text = '"' + std::string(limits::delivered_result_bytes - 2, 'x') + '"';
  CHECK(delivered_status_json(task) == status_json(task, std::nullopt));
  task.result->text.insert(1, "x");
  const Json body = Json::parse(delivery_body(WebhookEvent::task_succeeded, noon, task));
  CHECK(body["data"]["result"].is_null());
  CHECK(body["data"]["result_omitted"] == true);
  CHECK(body["data"]["status"] == "succeeded");
  CHECK_FALSE(Json::parse(status_json(task, std::nullopt)).contains("result_omitted"));
}

TEST_CASE("the body of a test says whose it is") {
  const WebhookId webhook(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8057"));
  CHECK(test_body(noon + 250ms, webhook) ==
        R"({"type":"webhook.test","timestamp":"2026-03-01T12:00:00.250Z",)"
        R"("data":{"webhook_id":"01890a5d-ac96-774b-bcce-b302099a8057"}})");
}

namespace {

DeliverySummary owed() {
  DeliverySummary delivery;
  delivery.id = DeliveryId(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8057"));
  delivery.task = TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8058");
  delivery.event = WebhookEvent::task_failed;
  delivery.url = "https://example.com/";
  delivery.created_at = noon;
  delivery.next_attempt_at = noon + 5s;
  return delivery;
}

DeliverySummary given_up() {
  DeliverySummary delivery = owed();
  delivery.webhook = WebhookId(*TaskId::parse("01890a5d-ac96-774b-bcce-b302099a8059"));
  delivery.status = DeliveryStatus::exhausted;
  delivery.exhausted_cause = ExhaustedCause::attempts;
  delivery.attempts = 8;
  delivery.next_attempt_at.reset();
  delivery.finished_at = noon + 1h;
  delivery.last_attempt = DeliveryAttempt{noon, 1250ms, "192.0.2.1:80", 503, "BAD_STATUS", "a\xff\"b"};
  return delivery;
}

}  // namespace

TEST_CASE("deliveries as JSON") {
  CHECK(deliveries_json({}) == R"({"deliveries":[]})");
  CHECK(deliveries_json({}, "abc") == R"({"deliveries":[],"next_page_token":"abc"})");
  DeliverySummary tried = given_up();
  const Json json = Json::parse(deliveries_json({owed(), tried}))["deliveries"];
  CHECK(json[0] == Json::parse(R"({"delivery_id":"01890a5d-ac96-774b-bcce-b302099a8057","webhook_id":null,
    "task_id":"01890a5d-ac96-774b-bcce-b302099a8058","event":"task.failed","url":"https://example.com/","status":"pending",
    "attempts":0,"created_at":"2026-03-01T12:00:00.000Z","next_attempt_at":"2026-03-01T12:00:05.000Z","finished_at":null,
    "exhausted_cause":null,"last_attempt":null})"));
  CHECK(json[1]["webhook_id"] == "01890a5d-ac96-774b-bcce-b302099a8059");
  CHECK(json[1]["exhausted_cause"] == "attempts");
  CHECK(json[1]["attempts"] == 8);
  CHECK(json[1]["last_attempt"] ==
        Json::parse(R"({"started_at":"2026-03-01T12:00:00.000Z","duration_seconds":1.25,
    "remote_address":"192.0.2.1:80","response_status":503,"error":"BAD_STATUS","response_body":"a\uFFFD\"b"})"));
  CHECK(Json::parse(delivery_json(tried)) == json[1]);
  CHECK(Json::parse(deliveries_json({tried}, ""))["deliveries"][0] == json[1]);
  tried.last_attempt = DeliveryAttempt{noon, 0ms, "", {}, "", ""};
  const Json bare = Json::parse(deliveries_json({tried}))["deliveries"][0]["last_attempt"];
  for (const char* name : {"remote_address", "response_status", "error"}) CHECK(bare[name].is_null());
}

TEST_CASE("one delivery with each of its attempts") {
  DeliveryDetail detail{given_up(), {}};
  CHECK(Json::parse(delivery_json(detail))["attempts"] == Json::array());
  detail.attempts = {*detail.summary.last_attempt, *detail.summary.last_attempt};
  detail.attempts[1].started_at += 5s;
  Json json = Json::parse(delivery_json(detail));
  Json summary = Json::parse(delivery_json(detail.summary));
  REQUIRE(json["attempts"].size() == 2);
  CHECK(json["attempts"][0] == summary["last_attempt"]);
  CHECK(json["attempts"][1]["started_at"] == "2026-03-01T12:00:05.000Z");
  CHECK_FALSE(json.contains("last_attempt"));
  json.erase("attempts");
  summary.erase("attempts");
  summary.erase("last_attempt");
  CHECK(json == summary);
}

TEST_CASE("why a delivery was given up outlives its number") {
  for (int i = 0; i <= static_cast<int>(ExhaustedCause::circuit_open); ++i) {
    const auto cause = static_cast<ExhaustedCause>(i);
    CHECK(parse_exhausted_cause(to_text(cause)) == cause);
  }
  CHECK(to_text(ExhaustedCause::webhook_removed) == "webhook_removed");
  CHECK_FALSE(parse_exhausted_cause(""));
  CHECK_FALSE(parse_exhausted_cause("Gone"));
}
