// The bodies that speak of webhooks, read and checked: 400 for what is not JSON, 422 with every fault for what
// is wrong, each with its pointer. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/problem.h"
#include "api/web_url.h"
#include "api/webhook.h"

namespace longhaul::api {

// Of POST /webhooks.
struct WebhookRequest {
  std::string url;
  WebhookFilter filter;
  std::string description;
};

// Without a judge a URL may lead anywhere.
[[nodiscard]] Checked<WebhookRequest> parse_webhook_request(std::string_view body,
                                                            const UrlJudge& judge_url = nullptr);
// Of PATCH /webhooks/{id}: at least one field.
[[nodiscard]] Checked<WebhookChange> parse_webhook_change(std::string_view body,
                                                          const UrlJudge& judge_url = nullptr);
// Of POST /webhooks/{id}/recover: {"since": time}.
[[nodiscard]] Checked<WallTime> parse_recover_request(std::string_view body);

}  // namespace longhaul::api
