#include <memory>

#include "api/task_query.h"
#include "server/routes/answers.h"
#include "server/routes/last_event_id.h"
#include "server/routes/routes.h"
#include "server/streams/task_event_stream.h"

namespace longhaul::server {
namespace {

void follow_events(const RouteContext& context, const Request& request, const Responder& responder) {
  const auto filter = api::parse_task_filter(request.query);
  if (!filter) return responder.send(filter.error());
  if (!context.events.has_room_for_follower()) return responder.send(overloaded_problem());
  const LastEventId last = read_last_event_id(request);
  const auto stream = std::make_shared<FilteredEventStream>(context.events, context.streams, context.clock);
  stream->start(*filter, last.id, last.is_given);
  responder.stream(sse_head(), stream);
}

}  // namespace

std::vector<Route> event_routes(const RouteContext& context) {
  Route route{"GET", "/events", [&context](const Request& request, const Responder& responder) {
                follow_events(context, request, responder);
              }};
  route.parameters = std::nullopt;  // tag.NAME may be anything
  return {std::move(route)};
}

}  // namespace longhaul::server
