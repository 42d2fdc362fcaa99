#include "server/metrics/metrics.h"

#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {

std::vector<Route> metrics_routes(const RouteContext& context) {
  // In every phase: how a server recovers or drains is worth watching.
  Route route{"GET", "/metrics", [&context](const Request&, const Responder& responder) {
                answer_off_loop(context, responder, [&context]() -> api::Checked<Response> {
                  Response response;
                  response.content_type = Metrics::content_type;
                  response.body = context.metrics.text();
                  return response;
                });
              }};
  route.works_unready = true;
  return {std::move(route)};
}

}  // namespace longhaul::server
