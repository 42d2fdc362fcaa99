#include <memory>

#include "api/task_json.h"
#include "api/task_query.h"
#include "server/routes/answers.h"
#include "server/routes/last_event_id.h"
#include "server/routes/routes.h"
#include "server/routes/status_texts.h"
#include "server/streams/task_event_stream.h"

namespace longhaul::server {
namespace {

constexpr std::size_t usual_headers = 4;

// What is needed of the request when the answer comes later.
struct StatusQuestion {
  api::TaskId id;
  std::string if_none_match;
  Responder responder;
  StatusTexts& texts;  // the route's
};

Response whole_status(const RouteContext& context, StatusTexts& texts, const api::TaskSnapshotPtr& task) {
  const auto waiting_for = context.dispatcher.explain(*task);
  return json_response(200, waiting_for ? api::status_json(*task, waiting_for) : texts.text_of(task));
}

void answer(const RouteContext& context, const StatusQuestion& question, const api::TaskSnapshotPtr& task) {
  if (task == nullptr) return question.responder.send(task_not_found_problem());
  const bool is_known =
      !question.if_none_match.empty() && api::etag_matches(question.if_none_match, task->revision);
  Response response = is_known ? json_response(304, "") : whole_status(context, question.texts, task);
  response.headers.reserve(usual_headers);
  if (!api::is_final(task->state)) response.headers.emplace_back("Retry-After", "1");
  response.headers.emplace_back("ETag", api::etag_of(task->revision));
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  response.headers.emplace_back("Vary", "Accept");
  question.responder.send(std::move(response));
}

void answer_present(const RouteContext& context, const StatusQuestion& question) {
  if (const auto task = context.store.recent(question.id)) return answer(context, question, task);
  with_task(context, question.id, question.responder,
            [&context, question](const api::TaskSnapshotPtr& task) { answer(context, question, task); });
}

void answer_in_time(const RouteContext& context, const StatusQuestion& question, base::Milliseconds wait,
                    WaitHub::Above above) {
  const auto number = context.waiting.wait(
      question.id, question.responder, end_of_wait(context, wait),
      [&context, question](const api::TaskSnapshotPtr& task) {
        if (task != nullptr) return answer(context, question, task);
        answer_present(context, question);
      },
      above);
  find_task(context, question.id, [&context, question, number, above](const auto& found) {
    if (found && *found != nullptr) {
      if (WaitHub::is_met(**found, above)) context.waiting.settle(number, *found);
    } else if (context.waiting.forget(number)) {
      question.responder.send(found ? task_not_found_problem() : found.error());
    }
  });
}

// A client that has seen the end must not be told of it again: it would come back for ever (the HTML standard's
// EventSource stops at a 204).
bool has_seen_end(const api::TaskSnapshot& task, const LastEventId& last) {
  return last.id && api::is_final(task.state) && last.id->revision == task.revision;
}

constexpr int readings_max = 3;

void stream_status(const RouteContext& context, const api::TaskId& id, const LastEventId& last,
                   const Responder& responder, int reading = 1) {
  const EventId read_behind = context.events.place();
  with_task(context, id, responder, [&context, id, last, responder, reading, read_behind](const auto& task) {
    if (task == nullptr) return responder.send(task_not_found_problem());
    if (has_seen_end(*task, last)) {
      Response nothing_more;
      nothing_more.status = 204;
      return responder.send(std::move(nothing_more));
    }
    const auto stream = std::make_shared<TaskEventStream>(context.events, context.streams, context.clock);
    if (stream->start(task, read_behind, last.id, last.is_given)) return responder.stream(sse_head(), stream);
    if (reading == readings_max) return responder.send(overloaded_problem());
    stream_status(context, id, last, responder, reading + 1);
  });
}

void task_status(const RouteContext& context, StatusTexts& texts, const Request& request,
                 const Responder& responder) {
  const auto id = path_task_id(request, responder);
  if (!id) return;
  const auto wait = api::parse_wait(request.query);
  if (!wait) return responder.send(wait.error());
  const auto above = api::parse_revision(request.query);
  if (!above) return responder.send(above.error());
  if (wants_event_stream(request)) return stream_status(context, *id, read_last_event_id(request), responder);
  const std::string* if_none_match = request.find_header("If-None-Match");
  const StatusQuestion question{*id, if_none_match == nullptr ? "" : *if_none_match, responder, texts};
  if (wait.value().count() > 0) return answer_in_time(context, question, wait.value(), above.value());
  answer_present(context, question);
}

}  // namespace

std::vector<Route> task_status_routes(const RouteContext& context) {
  const auto texts = std::make_shared<StatusTexts>();
  Route route{"GET", "/task-status/:id",
              [&context, texts](const Request& request, const Responder& responder) {
                task_status(context, *texts, request, responder);
              }};
  route.parameters = {"wait", "revision"};
  return {std::move(route)};
}

}  // namespace longhaul::server
