#include "api/delivery.h"

#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;

void list_deliveries(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  answer_off_loop(context, responder, [&context, id = *id]() -> Checked<Response> {
    const auto found = context.store.outbox().deliveries_of(id);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(task_not_found_problem());
    return json_response(200, api::deliveries_json(*found.value()));
  });
}

}  // namespace

std::vector<Route> delivery_routes(const RouteContext& context) {
  return {{"GET", "/tasks/:id/deliveries", [&context](const Request& request, const Responder& responder) {
             list_deliveries(context, request, responder);
           }}};
}

}  // namespace longhaul::server
