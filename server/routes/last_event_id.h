// Where a client of an event stream says it was, when it comes back. Any thread.
#pragma once

#include <optional>

#include "server/http/http_server.h"
#include "server/streams/event.h"

namespace longhaul::server {

struct LastEventId {
  bool is_given = false;      // it has been here before
  std::optional<EventId> id;  // nothing: not one of ours
};

// The Last-Event-ID header; an empty one is none.
[[nodiscard]] inline LastEventId read_last_event_id(const Request& request) {
  const std::string* const header = request.find_header("Last-Event-ID");
  if (header == nullptr || header->empty()) return {};
  return {true, parse_event_id(*header)};
}

}  // namespace longhaul::server
