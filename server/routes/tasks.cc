#include "api/task_json.h"
#include "api/task_query.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;

void list_tasks(const RouteContext& context, const Request& request, const Responder& responder) {
  auto query = api::parse_task_query(request.query);
  if (!query) return responder.send(query.error());
  answer_off_loop(context, responder, [&context, query = std::move(query).value()]() -> Checked<Response> {
    const auto page = context.store.list(query);
    if (!page) return api::refuse(to_problem(page.error()));
    const std::string next =
        page->continue_after ? api::make_page_token(query.filter, *page->continue_after) : "";
    return json_response(200, api::page_json(page.value(), next));
  });
}

void show_task(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  answer_off_loop(context, responder, [&context, id = *id]() -> Checked<Response> {
    const auto found = context.store.find_detail(id);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(task_not_found_problem());
    const api::TaskDetail& detail = *found.value();
    return json_response(200, api::detail_json(detail, context.dispatcher.explain(detail.task)));
  });
}

}  // namespace

std::vector<Route> task_routes(const RouteContext& context) {
  Route list{"GET", "/tasks", [&context](const Request& request, const Responder& responder) {
               list_tasks(context, request, responder);
             }};
  list.parameters = std::nullopt;  // parse_task_query knows them
  Route show{"GET", "/tasks/:id", [&context](const Request& request, const Responder& responder) {
               show_task(context, request, responder);
             }};
  return {std::move(list), std::move(show)};
}

}  // namespace longhaul::server
