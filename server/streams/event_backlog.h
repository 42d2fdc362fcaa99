// Events that one client cannot take yet, as events and not yet as text: what it missed while it was away, or what
// came while it read slowly. Bounded by number and, with all other clients, by the results that they hold.
// Not thread-safe: the loop's own. Ownership: the budget must outlive it.
#pragma once

#include <cstddef>
#include <deque>

#include "server/streams/event.h"
#include "server/streams/paced_stream.h"

namespace longhaul::server {

class EventBacklog {
 public:
  explicit EventBacklog(PacedBudget& budget) : budget_(budget) {}
  EventBacklog(const EventBacklog&) = delete;
  EventBacklog& operator=(const EventBacklog&) = delete;
  ~EventBacklog() { clear(); }

  // False: it is full, and the event was not added.
  [[nodiscard]] bool add(EventPtr event);
  // One that its client missed while it was away: of these there are never more than the hub keeps.
  [[nodiscard]] bool add_missed(EventPtr event);
  [[nodiscard]] EventPtr take();  // the oldest; there must be one
  [[nodiscard]] bool empty() const { return events_.empty(); }
  void clear();

 private:
  [[nodiscard]] bool has_room_for(std::size_t bytes) const;
  void append(EventPtr event, std::size_t bytes);

  PacedBudget& budget_;
  std::deque<EventPtr> events_;
  std::size_t bytes_ = 0;
};

}  // namespace longhaul::server
