#include <charconv>

#include "api/fault_list.h"
#include "api/limits.h"
#include "api/task_json.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;

// ?after=N: the number of the last line that the reader has.
Checked<std::int64_t> read_after(const Request& request) {
  api::FaultList faults;
  std::int64_t after = 0;
  if (const std::string* const given = single_parameter(request, "after", faults)) {
    const char* const end = given->data() + given->size();
    const auto read = std::from_chars(given->data(), end, after);
    if (read.ec != std::errc() || read.ptr != end || after < 0) {
      faults.add(api::parameter_pointer("after"), "must be a whole number, at least 0");
    }
  }
  if (!faults.empty()) return api::refuse(std::move(faults).to_problem());
  return after;
}

void show_logs(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto after = read_after(request);
  if (!after) return responder.send(after.error());
  answer_off_loop(context, responder, [&context, id = *id, after = after.value()]() -> Checked<Response> {
    const auto found = context.store.find_logs(id, after, api::limits::log_page_lines);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(task_not_found_problem());
    return json_response(200, api::logs_json(*found.value()));
  });
}

}  // namespace

std::vector<Route> task_log_routes(const RouteContext& context) {
  Route route{"GET", "/tasks/:id/logs", [&context](const Request& request, const Responder& responder) {
                show_logs(context, request, responder);
              }};
  route.parameters = {"after"};
  return {std::move(route)};
}

}  // namespace longhaul::server
