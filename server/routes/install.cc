#include <algorithm>
#include <map>

#include "api/fault_list.h"
#include "api/task_query.h"
#include "server/auth/content_type.h"
#include "server/auth/gate.h"
#include "server/routes/answers.h"
#include "server/routes/route.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

// While it stops, the server takes no new work, but what it has can be looked at and cancelled.
std::optional<Problem> judge_phase(const Route& route, const Readiness& readiness) {
  const Readiness::Phase phase = readiness.phase();
  if (route.works_unready) return std::nullopt;
  if (phase == Readiness::Phase::stopping && route.method != "POST") return std::nullopt;
  return not_ready_problem(phase);
}

std::optional<Problem> judge_size(const Route& route, const Request& request) {
  if (request.body.size() <= route.max_body_bytes) return std::nullopt;
  return api::refuse(ErrorCode::body_too_large, "The body has " + std::to_string(request.body.size()) +
                                                    " bytes; this path takes at most " +
                                                    std::to_string(route.max_body_bytes) + ".")
      .error;
}

std::optional<Problem> judge_body(const Route& route, const Request& request) {
  if (auto problem = judge_size(route, request)) return problem;
  if (route.takes_body) return judge_content_type(request);
  if (request.body.empty()) return std::nullopt;
  api::FaultList faults;
  faults.add("#", route.method == "DELETE"
                      ? "must not be there: this request takes no body; a reason is given as ?reason="
                      : "must not be there: this request takes no body");
  return std::move(faults).to_problem();
}

std::optional<Problem> judge_parameters(const Route& route, const Request& request) {
  if (!route.parameters) return std::nullopt;
  auto checked = api::check_parameters(request.query, *route.parameters);
  if (checked) return std::nullopt;
  return std::move(checked).error();
}

// What holds for every request to a route, in the order in which a refusal helps most.
std::optional<Problem> judge(const Route& route, const Readiness& readiness, const Request& request) {
  if (auto problem = judge_phase(route, readiness)) return problem;
  if (auto problem = judge_body(route, request)) return problem;
  return judge_parameters(route, request);
}

// Words that are no id, and that later calls have behind /tasks/. Without them "/tasks/:id" would say that
// another method helps.
void keep_free(HttpServer& server) {
  for (const std::string_view pattern : {"/tasks/cancel", "/tasks/retry"}) {
    for (const std::string_view method : {"POST", "PUT", "PATCH"}) {
      server.route(method, pattern, [](const Request& /*request*/, const Responder& responder) {
        responder.send(api::refuse(ErrorCode::not_found, "The server has nothing at this path.").error);
      });
    }
  }
}

}  // namespace

void install(HttpServer& server, const Readiness& readiness, const std::vector<Route>& routes) {
  std::map<std::string_view, std::string> methods_by_pattern;
  for (const Route& route : routes) {
    server.route(route.method, route.pattern,
                 [route, &readiness](const Request& request, const Responder& responder) {
                   if (const auto problem = judge(route, readiness, request)) return responder.send(*problem);
                   route.handler(request, responder);
                 });
    std::string& methods = methods_by_pattern[route.pattern];
    if (!methods.empty()) methods += ", ";
    methods += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  for (const auto& [pattern, methods] : methods_by_pattern) {
    server.route("OPTIONS", pattern, make_options_handler(methods + ", OPTIONS"));
  }
  keep_free(server);
}

}  // namespace longhaul::server
