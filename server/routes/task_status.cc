#include "api/task_json.h"
#include "api/task_query.h"
#include "server/routes/answers.h"
#include "server/routes/routes.h"

namespace longhaul::server {
namespace {

// What is needed of the request when the answer comes later.
struct StatusQuestion {
  api::TaskId id;
  std::string if_none_match;
  Responder responder;
};

void answer(const RouteContext& context, const StatusQuestion& question, const api::TaskSnapshotPtr& task) {
  if (task == nullptr) return question.responder.send(task_not_found_problem());
  Response response;
  if (!question.if_none_match.empty() && api::etag_matches(question.if_none_match, task->revision)) {
    response.status = 304;
    if (!api::is_final(task->state)) response.headers.emplace_back("Retry-After", "1");
  } else {
    response = status_response(context, 200, *task);
  }
  response.headers.emplace_back("ETag", api::etag_of(task->revision));
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  response.headers.emplace_back("Vary", "Accept");
  question.responder.send(std::move(response));
}

void answer_present(const RouteContext& context, const StatusQuestion& question) {
  with_task(context, question.id, question.responder,
            [&context, question](const api::TaskSnapshotPtr& task) { answer(context, question, task); });
}

void answer_when_final(const RouteContext& context, const StatusQuestion& question, base::Milliseconds wait) {
  const auto number = context.waiting.wait(question.id, question.responder, end_of_wait(context, wait),
                                           [&context, question](const api::TaskSnapshotPtr& task) {
                                             if (task != nullptr) return answer(context, question, task);
                                             answer_present(context, question);
                                           });
  with_task(context, question.id, question.responder,
            [&context, question, number](const api::TaskSnapshotPtr& task) {
              if (task == nullptr && context.waiting.forget(number))
                return answer(context, question, nullptr);
              if (task != nullptr && api::is_final(task->state)) context.waiting.settle(number, task);
            });
}

void task_status(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto wait = api::parse_wait(request.query);
  if (!wait) return responder.send(wait.error());
  const std::string* if_none_match = request.find_header("If-None-Match");
  const StatusQuestion question{*id, if_none_match == nullptr ? "" : *if_none_match, responder};
  if (wait.value().count() > 0) return answer_when_final(context, question, wait.value());
  answer_present(context, question);
}

}  // namespace

std::vector<Route> task_status_routes(const RouteContext& context) {
  Route route{"GET", "/task-status/:id", [&context](const Request& request, const Responder& responder) {
                task_status(context, request, responder);
              }};
  route.parameters = {"wait"};
  return {std::move(route)};
}

}  // namespace longhaul::server
