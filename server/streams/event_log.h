// The latest events, from which a client that was away takes up where it left. Bounded by their number and by
// the memory of what they hold; the oldest go first. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "server/streams/event.h"

namespace longhaul::server {

class EventLog {
 public:
  EventLog(std::size_t max_events, std::size_t max_bytes) : max_events_(max_events), max_bytes_(max_bytes) {}

  EventPtr append(EventKind kind, api::TaskSnapshotPtr task);
  void set_max_events(std::size_t max_events);

  // The number of the latest event, 0 before the first.
  [[nodiscard]] std::uint64_t last_number() const { return next_number_ - 1; }
  // True when every event behind `number` is here.
  [[nodiscard]] bool reaches_back_to(std::uint64_t number) const;
  // Those behind `number`, in order.
  [[nodiscard]] std::vector<EventPtr> since(std::uint64_t number) const;
  [[nodiscard]] std::size_t size() const { return events_.size(); }

 private:
  void shrink();

  struct Entry {
    EventPtr event;
    std::size_t bytes = 0;
  };
  std::size_t max_events_;
  const std::size_t max_bytes_;
  std::deque<Entry> events_;
  std::size_t bytes_ = 0;
  std::uint64_t next_number_ = 1;
};

}  // namespace longhaul::server
