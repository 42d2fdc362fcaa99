// What the routes of webhooks and deliveries answer alike. Thread-safety: any thread.
#pragma once

#include <optional>

#include "api/delivery.h"
#include "api/problem.h"
#include "api/webhook_json.h"
#include "server/http/http_server.h"
#include "server/routes/route.h"
#include "storage/outbox.h"

namespace longhaul::server {

[[nodiscard]] api::Problem webhook_not_found_problem();
[[nodiscard]] api::Problem delivery_not_found_problem();
[[nodiscard]] api::Problem webhook_disabled_problem();
[[nodiscard]] api::Problem webhook_removed_problem();
[[nodiscard]] api::Problem too_many_tests_problem();

// The id in the path; nothing (and the 404 sent) when it is none.
[[nodiscard]] std::optional<api::WebhookId> path_webhook_id(const Request& request,
                                                            const Responder& responder);
[[nodiscard]] std::optional<api::DeliveryId> path_delivery_id(const Request& request,
                                                              const Responder& responder);

// With what is known of its circuit.
[[nodiscard]] api::ShownWebhook shown(const RouteContext& context, api::Webhook webhook);

}  // namespace longhaul::server
