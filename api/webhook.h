// Registered webhooks: URLs that are told what becomes of tasks, of all that their filter lets through. Values, and pure
// functions. A webhook's secret is no part of it, so that it is not shown by mistake.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/task.h"
#include "api/webhook_event.h"
#include "base/named_type.h"

namespace longhaul::api {

// A UUIDv7, as the ids of tasks are.
using WebhookId = base::NamedType<TaskId, struct WebhookIdTag>;

// What a webhook is told of: what passes each of the three.
struct WebhookFilter {
  std::optional<WebhookEvents> events =
      WebhookEvents::final_ones();  // nothing: every event, also those to come
  std::vector<std::string> types;   // of tasks; empty: all
  std::vector<std::string> queues;  // empty: all

  friend bool operator==(const WebhookFilter&, const WebhookFilter&) = default;
};
[[nodiscard]] bool wants(const WebhookFilter& filter, WebhookEvent event, const TaskSnapshot& task);

// Why a webhook is sent nothing.
enum class DisabledCause : std::uint8_t {
  request,  // somebody wanted it so
  gone,     // it answered 410
  failing,  // every attempt has failed for too long
};
[[nodiscard]] std::string_view to_text(DisabledCause cause);  // as the database has it: "gone"
[[nodiscard]] std::optional<DisabledCause> parse_disabled_cause(std::string_view text);

struct Disabled {
  DisabledCause cause = DisabledCause::request;
  WallTime at;
  std::optional<Milliseconds> failed_for;  // with `failing`
};
// For people: "It answered 410 Gone."
[[nodiscard]] std::string reason_of(const Disabled& disabled);

struct Webhook {
  WebhookId id;
  std::string url;
  WebhookFilter filter;
  std::string description;
  WallTime created_at;
  std::optional<Disabled> disabled;
  std::optional<WallTime>
      failing_since;  // no attempt has succeeded since; nothing: the last one did, or none was made
  std::optional<WallTime> old_secret_until;  // until then an older secret signs too
};

// What a webhook may be changed in; what is absent stays.
struct WebhookChange {
  std::optional<std::string> url;
  std::optional<std::optional<WebhookEvents>> events;  // as in WebhookFilter
  std::optional<std::vector<std::string>> types;
  std::optional<std::vector<std::string>> queues;
  std::optional<std::string> description;
  std::optional<bool> disabled;
};

// What attempts to deliver are counted by: a webhook, or the origin of callbacks. "webhook:ID".
[[nodiscard]] std::string endpoint_of(const WebhookId& webhook);

}  // namespace longhaul::api
