// Webhooks as answers show them. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/webhook.h"

namespace longhaul::api {

struct ShownWebhook {
  Webhook webhook;
  std::optional<WallTime> next_attempt_at;  // nothing: its circuit is closed, as most are
};

[[nodiscard]] std::string webhook_json(const ShownWebhook& webhook);
// With its secret: for whoever made it, or gave it another secret, and for nobody else.
[[nodiscard]] std::string webhook_json(const ShownWebhook& webhook, std::string_view secret);
// The answer of GET /webhooks.
[[nodiscard]] std::string webhooks_json(const std::vector<ShownWebhook>& webhooks);

}  // namespace longhaul::api
