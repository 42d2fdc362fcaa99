#include "api/cancel_reason.h"
#include "api/fault_list.h"
#include "api/task_query.h"
#include "server/routes/answers.h"
#include "server/routes/cancel_outcome.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;

// What is needed of the request when the answer comes later.
struct CancelQuestion {
  api::TaskId id;
  base::Milliseconds wait;
  base::BootTime until;
  Responder responder;
};

Checked<std::string> read_reason(const Request& request) {
  api::FaultList faults;
  const std::string* const given = single_parameter(request, "reason", faults);
  std::string reason = given == nullptr ? std::string() : *given;
  if (auto fault = api::fault_of_cancel_reason(reason))
    faults.add(api::parameter_pointer("reason"), *std::move(fault));
  if (!faults.empty()) return api::refuse(std::move(faults).to_problem());
  return reason;
}

void answer_present(const RouteContext& context, const CancelQuestion& question) {
  with_task(context, question.id, question.responder, [&context, question](const api::TaskSnapshotPtr& task) {
    if (task == nullptr) return question.responder.send(task_not_found_problem());
    question.responder.send(status_response(context, api::is_final(task->state) ? 200 : 202, *task));
  });
}

// The cancel is on disk; the answer waits until the task has stopped.
void answer_when_stopped(const RouteContext& context, const CancelQuestion& question) {
  const auto number = context.waiting.wait(question.id, question.responder, question.until,
                                           [&context, question](const api::TaskSnapshotPtr& task) {
                                             if (task == nullptr) return answer_present(context, question);
                                             question.responder.send(status_response(context, 200, *task));
                                           });
  with_task(context, question.id, question.responder, [&context, number](const api::TaskSnapshotPtr& task) {
    if (task != nullptr && api::is_final(task->state)) context.waiting.settle(number, task);
  });
}

void answer(const RouteContext& context, const storage::StoreResult<storage::CancelOutcome>& outcome,
            const CancelQuestion& question) {
  const Responder& responder = question.responder;
  if (const auto refusal = refusal_of(outcome)) return responder.send(*refusal);
  if (outcome->verdict != storage::CancelVerdict::cancelling)
    return responder.send(status_response(context, 200, *outcome->task));
  if (question.wait.count() == 0) return responder.send(status_response(context, 202, *outcome->task));
  context.server.post([&context, question] { answer_when_stopped(context, question); });
}

void cancel(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto wait = api::parse_wait(request.query);
  if (!wait) return responder.send(wait.error());
  auto reason = read_reason(request);
  if (!reason) return responder.send(reason.error());
  const CancelQuestion question{*id, wait.value(), end_of_wait(context, wait.value()), responder};
  context.store.cancel(*id, std::move(reason).value(),
                       [&context, question](const storage::StoreResult<storage::CancelOutcome>& outcome) {
                         answer(context, outcome, question);
                       });
}

}  // namespace

std::vector<Route> cancel_routes(const RouteContext& context) {
  Route route{"DELETE", "/tasks/:id", [&context](const Request& request, const Responder& responder) {
                cancel(context, request, responder);
              }};
  route.parameters = {"wait", "reason"};
  return {std::move(route)};
}

}  // namespace longhaul::server
