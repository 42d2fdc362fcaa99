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

bool EventBacklog::has_room_for(std::size_t bytes) const {
  return bytes_ + bytes <= api::limits::stream_backlog_bytes &&
         budget_.waiting_bytes + bytes <= api::limits::streams_waiting_bytes;
}

void EventBacklog::append(EventPtr event, std::size_t bytes) {
  bytes_ += bytes;
  budget_.waiting_bytes += bytes;
  events_.push_back(std::move(event));
}

bool EventBacklog::add(EventPtr event) {
  const std::size_t bytes = weight_of(*event);
  if (events_.size() >= api::limits::stream_waiting_events || !has_room_for(bytes)) return false;
  append(std::move(event), bytes);
  return true;
}

bool EventBacklog::add_missed(EventPtr event) {
  const std::size_t bytes = weight_of(*event);
  if (!has_room_for(bytes)) return false;
  append(std::move(event), bytes);
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
