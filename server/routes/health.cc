#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {

std::vector<Route> health_routes(const RouteContext& context) {
  // Says only that the loop turns: a process that answers this need not be killed.
  Route live{"GET", "/livez", [](const Request&, const Responder& responder) {
               responder.send(json_response(200, R"({"status":"ok"})"));
             }};
  Route ready{"GET", "/readyz", [&context](const Request&, const Responder& responder) {
                if (const auto problem = not_ready_problem(context.readiness.phase()))
                  return responder.send(*problem);
                responder.send(json_response(200, R"({"status":"ok"})"));
              }};
  live.works_unready = true;
  ready.works_unready = true;
  return {std::move(live), std::move(ready)};
}

}  // namespace longhaul::server
