#include "api/start_request.h"
#include "server/routes/answers.h"
#include "server/routes/new_task.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::ErrorCode;
using api::Problem;

void answer(const RouteContext& context, const storage::StoreResult<storage::RetryOutcome>& outcome,
            const Responder& responder) {
  if (!outcome) return responder.send(to_problem(outcome.error()));
  switch (outcome->verdict) {
    case storage::RetryVerdict::unknown: return responder.send(task_not_found_problem());
    case storage::RetryVerdict::retried: return responder.send(status_response(context, 202, *outcome->task));
    case storage::RetryVerdict::not_retryable:
      return responder.send(task_problem(ErrorCode::task_not_retryable,
                                         "Only a task that is over and did not succeed can be tried again.",
                                         *outcome->task));
    case storage::RetryVerdict::unique_key_taken:
      return responder.send(task_problem(
          ErrorCode::unique_key_taken,
          "The task " + outcome->holder->id.text() + " is unfinished and has the same unique_key.",
          *outcome->task));
    case storage::RetryVerdict::deadline_passed: break;
  }
  responder.send(task_problem(ErrorCode::deadline_passed,
                              "The task's deadline_at has passed; give another as {\"deadline_at\": ...} or "
                              "{\"deadline_seconds\": ...}.",
                              *outcome->task));
}

void retry(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto body = api::parse_retry_request(request.body);
  if (!body) return responder.send(body.error());
  if (const auto problem = judge_deadline(body->deadline_at, context.store.now()))
    return responder.send(*problem);
  if (!context.open_tasks.try_reserve()) return responder.send(queue_full_problem(context.open_tasks.max()));
  context.store.retry({*id, body->deadline, body->deadline_at},
                      [&context, responder](const storage::StoreResult<storage::RetryOutcome>& outcome) {
                        context.open_tasks.release();
                        answer(context, outcome, responder);
                      });
}

}  // namespace

std::vector<Route> retry_routes(const RouteContext& context) {
  Route route{"POST", "/tasks/:id/retry", [&context](const Request& request, const Responder& responder) {
                retry(context, request, responder);
              }};
  route.takes_body = true;
  return {std::move(route)};
}

}  // namespace longhaul::server
