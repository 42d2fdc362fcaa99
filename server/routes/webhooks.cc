#include <utility>

#include "api/limits.h"
#include "api/webhook_request.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"
#include "server/routes/url_judge.h"
#include "server/routes/webhook_answers.h"

namespace longhaul::server {
namespace {

using api::Checked;
using storage::StoreResult;
using storage::WebhookWithSecret;

api::Problem too_many_problem() {
  return api::refuse(api::ErrorCode::too_many_webhooks, "There are " + std::to_string(api::limits::webhooks) +
                                                            " webhooks, as many as there can be.")
      .error;
}

void list(const RouteContext& context, const Responder& responder) {
  answer_off_loop(context, responder, [&context]() -> Checked<Response> {
    auto found = context.store.webhooks().list();
    if (!found) return api::refuse(to_problem(found.error()));
    std::vector<api::ShownWebhook> all;
    for (api::Webhook& webhook : found.value()) all.push_back(shown(context, std::move(webhook)));
    return json_response(200, api::webhooks_json(all));
  });
}

void show(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  answer_off_loop(context, responder, [&context, id = *id]() -> Checked<Response> {
    const auto found = context.store.webhooks().find(id);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(webhook_not_found_problem());
    return json_response(200, api::webhook_json(shown(context, *found.value())));
  });
}

// A secret goes into no cache.
Response secret_response(const RouteContext& context, int status, const WebhookWithSecret& made) {
  Response response = json_response(status, api::webhook_json(shown(context, made.webhook), made.secret));
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

void create(const RouteContext& context, const Request& request, const Responder& responder) {
  auto body = api::parse_webhook_request(request.body, url_judge(context));
  if (!body) return responder.send(body.error());
  storage::NewWebhook webhook{std::move(body->url), std::move(body->filter), std::move(body->description)};
  context.store.webhooks().create(
      std::move(webhook),
      [&context, responder](const StoreResult<std::optional<WebhookWithSecret>>& outcome) {
        if (!outcome) return responder.send(to_problem(outcome.error()));
        if (!outcome.value()) return responder.send(too_many_problem());
        Response response = secret_response(context, 201, *outcome.value());
        response.headers.emplace_back("Location", "/webhooks/" + outcome.value()->webhook.id.get().text());
        responder.send(std::move(response));
      });
}

void change(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  auto body = api::parse_webhook_change(request.body, url_judge(context));
  if (!body) return responder.send(body.error());
  context.store.webhooks().change(
      *id, std::move(body).value(),
      [&context, responder](const StoreResult<std::optional<api::Webhook>>& outcome) {
        if (!outcome) return responder.send(to_problem(outcome.error()));
        if (!outcome.value()) return responder.send(webhook_not_found_problem());
        responder.send(json_response(200, api::webhook_json(shown(context, *outcome.value()))));
      });
}

void remove(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  context.store.webhooks().remove(*id, [responder](const StoreResult<bool>& outcome) {
    if (!outcome) return responder.send(to_problem(outcome.error()));
    if (!outcome.value()) return responder.send(webhook_not_found_problem());
    responder.send(json_response(204, ""));
  });
}

void rotate_secret(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_webhook_id(request, responder);
  if (!id) return;
  context.store.webhooks().rotate_secret(
      *id, [&context, responder](const StoreResult<std::optional<WebhookWithSecret>>& outcome) {
        if (!outcome) return responder.send(to_problem(outcome.error()));
        if (!outcome.value()) return responder.send(webhook_not_found_problem());
        responder.send(secret_response(context, 200, *outcome.value()));
      });
}

using Answerer = void (*)(const RouteContext&, const Request&, const Responder&);

Route route_to(const RouteContext& context, std::string_view method, std::string_view pattern,
               Answerer answer) {
  return {method, pattern, [&context, answer](const Request& request, const Responder& responder) {
            answer(context, request, responder);
          }};
}

}  // namespace

std::vector<Route> webhook_routes(const RouteContext& context) {
  Route post = route_to(context, "POST", "/webhooks", create);
  post.takes_body = true;
  Route patch = route_to(context, "PATCH", "/webhooks/:id", change);
  patch.takes_body = true;
  return {{"GET", "/webhooks",
           [&context](const Request&, const Responder& responder) { list(context, responder); }},
          std::move(post),
          route_to(context, "GET", "/webhooks/:id", show),
          std::move(patch),
          route_to(context, "DELETE", "/webhooks/:id", remove),
          route_to(context, "POST", "/webhooks/:id/rotate-secret", rotate_secret)};
}

}  // namespace longhaul::server
