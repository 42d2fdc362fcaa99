#include "api/fault_list.h"
#include "api/limits.h"
#include "api/task_query.h"
#include "api/utf8.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

using api::Checked;
using api::ErrorCode;

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
  if (!api::is_utf8(reason) || reason.find('\0') != std::string::npos) {
    faults.add(api::parameter_pointer("reason"), "must be UTF-8 without U+0000");
  } else if (api::count_chars(reason) > api::limits::cancel_reason_chars) {
    faults.add(api::parameter_pointer("reason"),
               "must be at most " + std::to_string(api::limits::cancel_reason_chars) + " characters");
  }
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
  if (!outcome) return responder.send(to_problem(outcome.error()));
  switch (outcome->verdict) {
    case storage::CancelVerdict::unknown: return responder.send(task_not_found_problem());
    case storage::CancelVerdict::cancelled_now:
    case storage::CancelVerdict::already_cancelled:
      return responder.send(status_response(context, 200, *outcome->task));
    case storage::CancelVerdict::cancelling:
      if (question.wait.count() == 0) return responder.send(status_response(context, 202, *outcome->task));
      return context.server.post([&context, question] { answer_when_stopped(context, question); });
    case storage::CancelVerdict::already_final: break;
  }
  responder.send(task_problem(ErrorCode::task_already_final,
                              "The task was over before it could be cancelled.", *outcome->task));
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
