#include "server/streams/event_log.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "storage/recent_tasks.h"

namespace longhaul::server {

EventPtr EventLog::append(EventKind kind, api::TaskSnapshotPtr task) {
  const std::size_t bytes = storage::bytes_of(*task);
  auto event = std::make_shared<const Event>(Event{next_number_++, kind, std::move(task)});
  events_.push_back({event, bytes});
  bytes_ += bytes;
  shrink();
  return event;
}

void EventLog::set_max_events(std::size_t max_events) {
  max_events_ = max_events;
  shrink();
}

void EventLog::shrink() {
  while (!events_.empty() && (events_.size() > max_events_ || bytes_ > max_bytes_)) {
    bytes_ -= events_.front().bytes;
    events_.pop_front();
  }
}

bool EventLog::reaches_back_to(std::uint64_t number) const {
  return number <= last_number() && number + events_.size() >= last_number();
}

std::vector<EventPtr> EventLog::since(std::uint64_t number) const {
  const std::uint64_t first = next_number_ - events_.size();
  const auto skipped = static_cast<std::ptrdiff_t>(number >= first ? number - first + 1 : 0);
  std::vector<EventPtr> found;
  if (skipped >= static_cast<std::ptrdiff_t>(events_.size())) return found;
  found.reserve(events_.size() - static_cast<std::size_t>(skipped));
  std::transform(events_.begin() + skipped, events_.end(), std::back_inserter(found),
                 [](const Entry& entry) { return entry.event; });
  return found;
}

}  // namespace longhaul::server
