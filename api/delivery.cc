#include "api/delivery.h"

#include <array>

#include "api/json_writer.h"
#include "api/task_json.h"
#include "api/utf8.h"

namespace longhaul::api {
namespace {

constexpr std::array<std::string_view, 3> status_names = {"pending", "delivered", "exhausted"};
constexpr std::array<std::string_view, 5> cause_names = {"attempts", "gone", "webhook_disabled",
                                                         "webhook_removed", "circuit_open"};
constexpr std::size_t usual_summary_bytes = 768;

void write_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  if (time) {
    json.time(*time);
  } else {
    json.null();
  }
}

// Null where there is none.
void write_text(JsonWriter& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void write_attempt(JsonWriter& json, const DeliveryAttempt& attempt) {
  json.begin_object();
  json.key("started_at").time(attempt.started_at);
  json.key("duration_seconds").number(static_cast<double>(attempt.duration.count()) / 1000);
  write_text(json, "remote_address", attempt.remote_address);
  json.key("response_status");
  if (attempt.response_status) {
    json.number(std::int64_t{*attempt.response_status});
  } else {
    json.null();
  }
  write_text(json, "error", attempt.error);
  json.key("response_body").string(to_utf8(attempt.response_body));
  json.end_object();
}

// What comes before the attempts, and what after.
void write_subject(JsonWriter& json, const DeliverySummary& delivery) {
  json.key("delivery_id").string(delivery.id.get().text());
  write_text(json, "webhook_id", delivery.webhook ? delivery.webhook->get().text() : std::string());
  write_text(json, "task_id", delivery.task ? delivery.task->text() : std::string());
  json.key("event").string(to_text(delivery.event));
  json.key("url").string(delivery.url);
  json.key("status").string(to_text(delivery.status));
}

void write_times(JsonWriter& json, const DeliverySummary& delivery) {
  json.key("created_at").time(delivery.created_at);
  write_time(json, "next_attempt_at", delivery.next_attempt_at);
  write_time(json, "finished_at", delivery.finished_at);
  write_text(json, "exhausted_cause",
             delivery.exhausted_cause ? to_text(*delivery.exhausted_cause) : std::string_view());
}

void write_summary(JsonWriter& json, const DeliverySummary& delivery) {
  json.begin_object();
  write_subject(json, delivery);
  json.key("attempts").number(std::int64_t{delivery.attempts});
  write_times(json, delivery);
  json.key("last_attempt");
  if (delivery.last_attempt) {
    write_attempt(json, *delivery.last_attempt);
  } else {
    json.null();
  }
  json.end_object();
}

void write_summaries(JsonWriter& json, const std::vector<DeliverySummary>& deliveries) {
  json.key("deliveries").begin_array();
  for (const DeliverySummary& delivery : deliveries) write_summary(json, delivery);
  json.end_array();
}

}  // namespace

std::string_view to_text(DeliveryStatus status) { return status_names[static_cast<std::size_t>(status)]; }

std::optional<DeliveryStatus> parse_delivery_status(std::string_view text) {
  for (std::size_t i = 0; i < status_names.size(); ++i) {
    if (status_names[i] == text) return static_cast<DeliveryStatus>(i);
  }
  return std::nullopt;
}

std::string_view to_text(ExhaustedCause cause) { return cause_names[static_cast<std::size_t>(cause)]; }

std::optional<ExhaustedCause> parse_exhausted_cause(std::string_view text) {
  for (std::size_t i = 0; i < cause_names.size(); ++i) {
    if (cause_names[i] == text) return static_cast<ExhaustedCause>(i);
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

std::string test_body(WallTime at, const WebhookId& webhook) {
  JsonWriter json(192);
  json.begin_object();
  json.key("type").string(to_text(WebhookEvent::webhook_test));
  json.key("timestamp").time(at);
  json.key("data").begin_object();
  json.key("webhook_id").string(webhook.get().text());
  json.end_object();
  json.end_object();
  return json.take();
}

std::string deliveries_json(const std::vector<DeliverySummary>& deliveries) {
  JsonWriter json((deliveries.size() + 1) * usual_summary_bytes);
  json.begin_object();
  write_summaries(json, deliveries);
  json.end_object();
  return json.take();
}

std::string deliveries_json(const std::vector<DeliverySummary>& deliveries,
                            std::string_view next_page_token) {
  JsonWriter json((deliveries.size() + 1) * usual_summary_bytes);
  json.begin_object();
  write_summaries(json, deliveries);
  json.key("next_page_token").string(next_page_token);
  json.end_object();
  return json.take();
}

std::string delivery_json(const DeliverySummary& delivery) {
  JsonWriter json(usual_summary_bytes);
  write_summary(json, delivery);
  return json.take();
}

std::string delivery_json(const DeliveryDetail& delivery) {
  JsonWriter json(usual_summary_bytes);
  json.begin_object();
  write_subject(json, delivery.summary);
  json.key("attempts").begin_array();
  for (const DeliveryAttempt& attempt : delivery.attempts) write_attempt(json, attempt);
  json.end_array();
  write_times(json, delivery.summary);
  json.end_object();
  return json.take();
}

}  // namespace longhaul::api
