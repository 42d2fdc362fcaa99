#include "api/delivery.h"

#include "api/delivery_query.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"
#include "server/routes/webhook_answers.h"

namespace longhaul::server {
namespace {

using api::Checked;

void list_of_task(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  answer_off_loop(context, responder, [&context, id = *id]() -> Checked<Response> {
    const auto found = context.store.outbox().deliveries_of(id);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(task_not_found_problem());
    return json_response(200, api::deliveries_json(*found.value()));
  });
}

void list_of_webhook(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  const auto query = api::parse_delivery_query(*id, request.query);
  if (!query) return responder.send(query.error());
  answer_off_loop(context, responder, [&context, query = query.value()]() -> Checked<Response> {
    const auto found = context.store.outbox().deliveries_of(query);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(webhook_not_found_problem());
    const storage::DeliveryPage& page = *found.value();
    const std::string next = page.continue_after ? api::make_page_token(query, *page.continue_after) : "";
    return json_response(200, api::deliveries_json(page.deliveries, next));
  });
}

void show(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_delivery_id(request, responder);
  if (!id) return;
  answer_off_loop(context, responder, [&context, id = *id]() -> Checked<Response> {
    const auto found = context.store.outbox().find_detail(id);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(delivery_not_found_problem());
    return json_response(200, api::delivery_json(*found.value()));
  });
}

}  // namespace

std::vector<Route> delivery_routes(const RouteContext& context) {
  Route of_webhook{"GET", "/webhooks/:id/deliveries",
                   [&context](const Request& request, const Responder& responder) {
                     list_of_webhook(context, request, responder);
                   }};
  of_webhook.parameters = std::nullopt;  // parse_delivery_query knows them
  return {{"GET", "/tasks/:id/deliveries",
           [&context](const Request& request, const Responder& responder) {
             list_of_task(context, request, responder);
           }},
          std::move(of_webhook),
          {"GET", "/deliveries/:id", [&context](const Request& request, const Responder& responder) {
             show(context, request, responder);
           }}};
}

}  // namespace longhaul::server
