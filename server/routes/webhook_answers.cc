#include "server/routes/webhook_answers.h"

#include <utility>

#include "api/limits.h"

namespace longhaul::server {

using api::ErrorCode;
using api::Problem;

Problem webhook_not_found_problem() {
  return api::refuse(ErrorCode::webhook_not_found, "There is no webhook of this id.").error;
}

Problem delivery_not_found_problem() {
  return api::refuse(ErrorCode::delivery_not_found, "There is no delivery of this id.").error;
}

Problem webhook_disabled_problem() {
  return api::refuse(
             ErrorCode::webhook_disabled,
             "Nothing is sent to a webhook that is disabled. PATCH it with {\"disabled\": false} first.")
      .error;
}

Problem webhook_removed_problem() {
  return api::refuse(ErrorCode::webhook_removed, "The webhook of this delivery was removed.").error;
}

Problem too_many_tests_problem() {
  return api::refuse(ErrorCode::too_many_tests, "Of this webhook " +
                                                    std::to_string(api::limits::pending_test_deliveries) +
                                                    " tests are under way, as many as there can be.")
      .error;
}

std::optional<api::WebhookId> path_webhook_id(const Request& request, const Responder& responder) {
  const auto id = api::TaskId::parse(request.path_parameter("id"));
  if (id) return api::WebhookId(*id);
  responder.send(webhook_not_found_problem());
  return std::nullopt;
}

std::optional<api::DeliveryId> path_delivery_id(const Request& request, const Responder& responder) {
  const auto id = api::TaskId::parse(request.path_parameter("id"));
  if (id) return api::DeliveryId(*id);
  responder.send(delivery_not_found_problem());
  return std::nullopt;
}

api::ShownWebhook shown(const RouteContext& context, api::Webhook webhook) {
  api::ShownWebhook shown{std::move(webhook), {}};
  if (const auto circuit = context.circuits.find(api::endpoint_of(shown.webhook.id)))
    shown.next_attempt_at = circuit->next_attempt_at;
  return shown;
}

}  // namespace longhaul::server
