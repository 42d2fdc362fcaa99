#include "api/delivery.h"

#include <array>

#include "api/json_writer.h"
#include "api/task_json.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

constexpr std::array<std::string_view, 3> status_names = {"pending", "delivered", "exhausted"};
constexpr std::size_t usual_summary_bytes = 512;

void write_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  if (time) {
    json.time(*time);
  } else {
    json.null();
  }
}

void write_text(JsonWriter& json, std::string_view name, const std::string& text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void write_attempt(JsonWriter& json, const std::optional<DeliveryAttempt>& attempt) {
  json.key("last_attempt");
  if (!attempt) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("started_at").time(attempt->started_at);
  json.key("duration_seconds").number(static_cast<double>(attempt->duration.count()) / 1000);
  write_text(json, "remote_address", attempt->remote_address);
  json.key("response_status");
  if (attempt->response_status) {
    json.number(std::int64_t{*attempt->response_status});
  } else {
    json.null();
  }
  write_text(json, "error", attempt->error);
  json.key("response_body").string(to_utf8(attempt->response_body));
  json.end_object();
}

void write_summary(JsonWriter& json, const DeliverySummary& delivery) {
  json.begin_object();
  json.key("delivery_id").string(delivery.id.get().text());
  json.key("event").string(to_text(delivery.event));
  json.key("url").string(delivery.url);
  json.key("status").string(to_text(delivery.status));
  json.key("attempts").number(std::int64_t{delivery.attempts});
  json.key("created_at").time(delivery.created_at);
  write_time(json, "next_attempt_at", delivery.next_attempt_at);
  write_time(json, "finished_at", delivery.finished_at);
  write_attempt(json, delivery.last_attempt);
  json.end_object();
}

}  // namespace

std::string_view to_text(DeliveryStatus status) { return status_names[static_cast<std::size_t>(status)]; }

std::optional<DeliveryStatus> parse_delivery_status(std::string_view text) {
  for (std::size_t i = 0; i < status_names.size(); ++i) {
    if (status_names[i] == text) return static_cast<DeliveryStatus>(i);
  }
  return std::nullopt;
}

std::string delivery_body(WebhookEvent event, WallTime at, const TaskSnapshot& task) {
  const std::string status = delivered_status_json(task);
  JsonWriter json(status.size() + 128);
  json.begin_object();
  json.key("type").string(to_text(event));
  json.key("timestamp").time(at);
  json.key("data").raw(status);
  json.end_object();
  return json.take();
}

std::string deliveries_json(const std::vector<DeliverySummary>& deliveries) {
  JsonWriter json((deliveries.size() + 1) * usual_summary_bytes);
  json.begin_object();
  json.key("deliveries").begin_array();
  for (const DeliverySummary& delivery : deliveries) write_summary(json, delivery);
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace longhaul::api
