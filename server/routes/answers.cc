#include "server/routes/answers.h"

#include "api/query_parameters.h"
#include "api/task_json.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

Problem retry_later(ErrorCode code, std::string detail, int seconds) {
  Problem problem = api::refuse(code, std::move(detail)).error;
  problem.headers.emplace_back("Retry-After", std::to_string(seconds));
  return problem;
}

}  // namespace

Problem to_problem(const storage::StoreError& error) {
  switch (error.fault) {
    case storage::StoreFault::lane_full: return overloaded_problem();
    case storage::StoreFault::storage_full:
      return retry_later(ErrorCode::storage_full,
                         "Nothing was changed: " + error.message +
                             ". Make room there: new tasks are taken again as soon as there is.",
                         30);
    case storage::StoreFault::unavailable: break;
  }
  return retry_later(ErrorCode::not_ready, "The database cannot be used at the moment. Nothing was changed.",
                     5);
}

Problem task_not_found_problem() {
  return api::refuse(ErrorCode::task_not_found, "There is no task of this id.").error;
}

Problem overloaded_problem() {
  return retry_later(ErrorCode::overloaded, "Too much is waiting to be done. Nothing was changed.", 1);
}

Problem queue_full_problem(std::int64_t max_open_tasks) {
  return retry_later(ErrorCode::queue_full,
                     "The server holds as many unfinished tasks as it may (server.max_open_tasks = " +
                         std::to_string(max_open_tasks) + "). The task was not accepted.",
                     5);
}

std::optional<Problem> not_ready_problem(Readiness::Phase phase) {
  switch (phase) {
    case Readiness::Phase::ready: return std::nullopt;
    case Readiness::Phase::recovering:
      return retry_later(ErrorCode::not_ready,
                         "The server is still recovering what it did before it was stopped.", 1);
    case Readiness::Phase::stopping: break;
  }
  return retry_later(
      ErrorCode::not_ready,
      "The server is about to stop and takes no new work; what it has can be looked at and cancelled.", 5);
}

Problem task_problem(ErrorCode code, std::string detail, const api::TaskSnapshot& task) {
  return {code, std::move(detail), {}, task.id, task.state, {}};
}

Response json_response(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response status_response(const RouteContext& context, int status, const api::TaskSnapshot& task) {
  Response response = json_response(status, api::status_json(task, context.dispatcher.explain(task)));
  response.task_id = task.id;
  if (!api::is_final(task.state)) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response accepted_response(const RouteContext& context, const api::TaskSnapshot& task) {
  Response response = status_response(context, 202, task);
  response.headers.emplace_back("Location", "/task-status/" + task.id.text());
  return response;
}

std::optional<api::TaskId> path_task_id(const Request& request, const Responder& responder) {
  auto id = api::TaskId::parse(request.path_parameter("id"));
  if (!id) responder.send(task_not_found_problem());
  return id;
}

const std::string* single_parameter(const Request& request, std::string_view name, api::FaultList& faults) {
  return api::single_value(request.query, name, faults);
}

void answer_off_loop(const RouteContext& context, const Responder& responder,
                     std::function<api::Checked<Response>()> work) {
  const bool taken = context.readers.try_post([responder, work = std::move(work)] {
    auto answer = work();
    if (!answer) return responder.send(answer.error());
    responder.send(std::move(answer).value());
  });
  if (!taken) responder.send(overloaded_problem());
}

void find_task(const RouteContext& context, const api::TaskId& id,
               std::function<void(const api::Checked<api::TaskSnapshotPtr>&)> then) {
  if (const api::TaskSnapshotPtr recent = context.store.recent(id)) return then(recent);
  const auto shared = std::make_shared<decltype(then)>(std::move(then));
  const bool taken = context.readers.try_post([&context, id, shared] {
    auto found = context.store.find(id);
    api::Checked<api::TaskSnapshotPtr> task =
        found ? api::Checked<api::TaskSnapshotPtr>(std::move(found).value())
              : api::refuse(to_problem(found.error()));
    context.server.post([shared, task = std::move(task)] { (*shared)(task); });
  });
  if (!taken) (*shared)(api::refuse(overloaded_problem()));
}

void with_task(const RouteContext& context, const api::TaskId& id, const Responder& responder,
               std::function<void(const api::TaskSnapshotPtr&)> then) {
  find_task(context, id,
            [responder, then = std::move(then)](const api::Checked<api::TaskSnapshotPtr>& found) {
              if (!found) return responder.send(found.error());
              then(found.value());
            });
}

}  // namespace longhaul::server
