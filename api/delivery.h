// Webhooks as everybody sees them: what a task's callback is, what is sent, and what became of a delivery.
// Values without behaviour, and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/limits.h"
#include "api/task.h"
#include "api/webhook.h"
#include "api/webhook_event.h"
#include "base/named_type.h"

namespace longhaul::api {

// A delivery's row in the store: short, and in the order in which they came to be owed.
using DeliveryKey = base::NamedType<std::int64_t, struct DeliveryKeyTag>;

// What the receiver knows a delivery by (header webhook-id), the same over all attempts. A UUIDv7, as the ids
// of tasks are: get() has its bytes and its text.
using DeliveryId = base::NamedType<TaskId, struct DeliveryIdTag>;

// A task's own webhook.
struct Callback {
  std::string url;
  WebhookEvents events = WebhookEvents::final_ones();
};

enum class DeliveryStatus : std::uint8_t {
  pending,    // owed: another attempt will be made
  delivered,  // the receiver took it
  exhausted,  // given up
};
[[nodiscard]] std::string_view to_text(DeliveryStatus status);
[[nodiscard]] std::optional<DeliveryStatus> parse_delivery_status(std::string_view text);

// Why no more attempts are made by themselves.
enum class ExhaustedCause : std::uint8_t {
  attempts,          // the last of them failed
  gone,              // the receiver answered 410
  webhook_disabled,  // nothing is sent to it
  webhook_removed,
  circuit_open,  // its turn did not come for days, for everything to this endpoint failed
};
[[nodiscard]] std::string_view to_text(ExhaustedCause cause);  // "webhook_disabled"
[[nodiscard]] std::optional<ExhaustedCause> parse_exhausted_cause(std::string_view text);

// One attempt to deliver.
struct DeliveryAttempt {
  WallTime started_at;
  Milliseconds duration{0};
  std::string remote_address;          // empty: no connection was made
  std::optional<int> response_status;  // nothing: there was no answer
  std::string error;                   // empty, or one of ADDRESS_REFUSED, DNS_FAILED, CONNECT_FAILED,
                                       // TLS_FAILED, TIMED_OUT, CONNECTION_LOST, BAD_STATUS, REDIRECT
  std::string response_body;           // its beginning, limits::delivery_answer_bytes; any bytes
};

struct DeliverySummary {
  DeliveryId id;
  std::optional<WebhookId> webhook;  // nothing: a task's own callback
  std::optional<TaskId> task;        // nothing: a test, which is of no task
  WebhookEvent event = WebhookEvent::task_succeeded;
  std::string url;
  DeliveryStatus status = DeliveryStatus::pending;
  int attempts = 0;
  WallTime created_at;
  std::optional<WallTime> next_attempt_at;  // while pending
  std::optional<WallTime> finished_at;
  std::optional<ExhaustedCause> exhausted_cause;  // with exhausted
  std::optional<DeliveryAttempt> last_attempt;
};

// One delivery, whole.
struct DeliveryDetail {
  DeliverySummary summary;
  std::vector<DeliveryAttempt> attempts;  // oldest first, the last limits::kept_delivery_attempts of them
};

// What is asked of a webhook's deliveries.
struct DeliveryQuery {
  WebhookId webhook;
  std::optional<DeliveryStatus> status;
  std::size_t page_size = limits::page_size_default;
  std::optional<DeliveryKey> older_than;  // where the page before this one ended
};

// {"type", "timestamp", "data": the status of the task}. A result over limits::delivered_result_bytes is left
// out: "result": null, "result_omitted": true.
[[nodiscard]] std::string delivery_body(WebhookEvent event, WallTime at, const TaskSnapshot& task);

// The same for the event webhook.test: "data" is {"webhook_id": ...}.
[[nodiscard]] std::string test_body(WallTime at, const WebhookId& webhook);

// The answer of GET /tasks/{id}/deliveries.
[[nodiscard]] std::string deliveries_json(const std::vector<DeliverySummary>& deliveries);
// The answer of GET /webhooks/{id}/deliveries; the token is empty at the end.
[[nodiscard]] std::string deliveries_json(const std::vector<DeliverySummary>& deliveries,
                                          std::string_view next_page_token);
[[nodiscard]] std::string delivery_json(const DeliverySummary& delivery);
// The answer of GET /deliveries/{id}: "attempts" is a list here.
[[nodiscard]] std::string delivery_json(const DeliveryDetail& delivery);

}  // namespace longhaul::api
