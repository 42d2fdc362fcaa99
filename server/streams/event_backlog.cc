#include "server/streams/event_backlog.h"

#include <utility>

#include "api/limits.h"

namespace longhaul::server {
namespace {

// The snapshot itself is mostly shared with the event log; a result may be long.
std::size_t weight_of(const Event& event) {
  return sizeof(EventPtr) + (event.task->result ? event.task->result->text.size() : 0);
}

}  // namespace

bool EventBacklog::add(EventPtr event) {
  const std::size_t bytes = weight_of(*event);
  if (events_.size() >= api::limits::stream_waiting_events ||
      bytes_ + bytes > api::limits::stream_backlog_bytes ||
      budget_.waiting_bytes + bytes > api::limits::streams_waiting_bytes)
    return false;
  bytes_ += bytes;
  budget_.waiting_bytes += bytes;
  events_.push_back(std::move(event));
  return true;
}

EventPtr EventBacklog::take() {
  EventPtr event = std::move(events_.front());
  events_.pop_front();
  const std::size_t bytes = weight_of(*event);
  bytes_ -= bytes;
  budget_.waiting_bytes -= bytes;
  return event;
}

void EventBacklog::clear() {
  budget_.waiting_bytes -= bytes_;
  bytes_ = 0;
  events_ = {};
}

}  // namespace longhaul::server
