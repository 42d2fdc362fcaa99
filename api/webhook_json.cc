#include "api/webhook_json.h"

#include "api/json_writer.h"

namespace longhaul::api {
namespace {

constexpr std::size_t usual_webhook_bytes = 768;

void write_events(JsonWriter& json, const std::optional<WebhookEvents>& events) {
  json.key("events").begin_array();
  if (!events) json.string("*");
  for (int i = 0; i < webhook_event_count; ++i) {
    const auto event = static_cast<WebhookEvent>(i);
    if (events && events->contains(event)) json.string(to_text(event));
  }
  json.end_array();
}

void write_names(JsonWriter& json, std::string_view name, const std::vector<std::string>& names) {
  json.key(name);
  if (names.empty()) {
    json.null();
    return;
  }
  json.begin_array();
  for (const std::string& one : names) json.string(one);
  json.end_array();
}

void write_time(JsonWriter& json, std::string_view name, const std::optional<WallTime>& time) {
  json.key(name);
  if (time) {
    json.time(*time);
  } else {
    json.null();
  }
}

void write_disabled(JsonWriter& json, const std::optional<Disabled>& disabled) {
  json.key("disabled").boolean(disabled.has_value());
  write_time(json, "disabled_at", disabled ? std::optional(disabled->at) : std::nullopt);
  json.key("disabled_reason");
  if (disabled) {
    json.string(reason_of(*disabled));
  } else {
    json.null();
  }
}

// All but the end of the object.
void begin_webhook(JsonWriter& json, const ShownWebhook& shown) {
  const Webhook& webhook = shown.webhook;
  json.begin_object();
  json.key("webhook_id").string(webhook.id.get().text());
  json.key("url").string(webhook.url);
  write_events(json, webhook.filter.events);
  write_names(json, "types", webhook.filter.types);
  write_names(json, "queues", webhook.filter.queues);
  json.key("description").string(webhook.description);
  json.key("created_at").time(webhook.created_at);
  write_disabled(json, webhook.disabled);
  write_time(json, "failing_since", webhook.failing_since);
  json.key("circuit").string(shown.next_attempt_at ? "open" : "closed");
  write_time(json, "next_attempt_at", shown.next_attempt_at);
  write_time(json, "old_secret_expires_at", webhook.old_secret_until);
}

}  // namespace

std::string webhook_json(const ShownWebhook& webhook) {
  JsonWriter json(usual_webhook_bytes);
  begin_webhook(json, webhook);
  json.end_object();
  return json.take();
}

std::string webhook_json(const ShownWebhook& webhook, std::string_view secret) {
  JsonWriter json(usual_webhook_bytes);
  begin_webhook(json, webhook);
  json.key("secret").string(secret);
  json.end_object();
  return json.take();
}

std::string webhooks_json(const std::vector<ShownWebhook>& webhooks) {
  JsonWriter json((webhooks.size() + 1) * usual_webhook_bytes);
  json.begin_object();
  json.key("webhooks").begin_array();
  for (const ShownWebhook& webhook : webhooks) {
    begin_webhook(json, webhook);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace longhaul::api
