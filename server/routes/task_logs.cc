#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include "api/fault_list.h"
#include "api/limits.h"
#include "api/task_json.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"
#include "server/streams/log_stream.h"

namespace longhaul::server {
namespace {

using api::Checked;

std::optional<std::int64_t> line_number_of(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < 0) return std::nullopt;
  return number;
}

// ?after=N: the number of the last line that the reader has.
Checked<std::int64_t> read_after(const Request& request) {
  api::FaultList faults;
  std::int64_t after = 0;
  if (const std::string* const given = single_parameter(request, "after", faults)) {
    const auto number = line_number_of(*given);
    if (!number) faults.add(api::parameter_pointer("after"), "must be a whole number, at least 0");
    after = number.value_or(0);
  }
  if (!faults.empty()) return api::refuse(std::move(faults).to_problem());
  return after;
}

// Has the reader (`last` is where it left; nothing: it is new) come back behind the end? Then the answer is the one
// that EventSource of the HTML standard takes as its order to stop.
Checked<bool> has_seen_all(storage::Store& store, const api::TaskId& id,
                           const std::optional<std::int64_t>& last) {
  const auto task = store.find(id);
  if (!task) return api::refuse(to_problem(task.error()));
  if (task.value() == nullptr) return api::refuse(task_not_found_problem());
  if (!last || !api::is_final(task.value()->state)) return false;
  const auto rest = store.find_logs(id, *last, 1);
  if (!rest) return api::refuse(to_problem(rest.error()));
  return rest.value() && rest.value()->lines.empty();
}

// Where a client has left counts more than where it once began: it comes back with the same query.
void stream_logs(const RouteContext& context, const Request& request, const Responder& responder,
                 const api::TaskId& id, std::int64_t after) {
  const std::string* const header = request.find_header("Last-Event-ID");
  const auto last = header == nullptr ? std::nullopt : line_number_of(*header);
  const std::int64_t from = last.value_or(after);
  const bool taken = context.readers.try_post([&context, responder, id, from, last] {
    const auto seen_all = has_seen_all(context.store, id, last);
    if (!seen_all) return responder.send(seen_all.error());
    if (seen_all.value()) return responder.send(json_response(204, ""));
    context.server.post([&context, responder, id, from] {
      const auto stream = std::make_shared<LogStream>(context.logs, context.streams, context.clock, id, from);
      stream->start();
      responder.stream(sse_head(), stream);
    });
  });
  if (!taken) responder.send(overloaded_problem());
}

void show_logs(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto after = read_after(request);
  if (!after) return responder.send(after.error());
  if (wants_event_stream(request)) return stream_logs(context, request, responder, *id, after.value());
  answer_off_loop(context, responder, [&context, id = *id, after = after.value()]() -> Checked<Response> {
    const auto found = context.store.find_logs(id, after, api::limits::log_page_lines);
    if (!found) return api::refuse(to_problem(found.error()));
    if (!found.value()) return api::refuse(task_not_found_problem());
    Response response = json_response(200, api::logs_json(*found.value()));
    response.headers.emplace_back("Vary", "Accept");
    return response;
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
