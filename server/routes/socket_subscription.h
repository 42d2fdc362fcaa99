// One subscription of a WebSocket: what happens to a task, or to all that a filter lets through, told to its
// session.
//
// A task's begins with what it missed or a snapshot, and is over behind the final event. The task's state is read
// only once the hub tells of its changes: what comes meanwhile is kept, and told behind what the state knows.
//
// Not thread-safe: the loop's own. Ownership: the session owns it and outlives it; it may drop it whenever it is
// called.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/task.h"
#include "server/streams/event_hub.h"

namespace longhaul::server {

// The frame of an event, made once for all who are told of it.
[[nodiscard]] SharedText socket_frame(Publication& publication);

// What a subscription needs of its session.
class SubscriptionOwner {
 public:
  // Of what was missed.
  virtual void tell(Publication& publication) = 0;
  // Of what happens now: other subscriptions are told of it along with this one.
  virtual void tell_now(Publication& publication) = 0;
  virtual void tell(const EventId& id, std::string_view type, std::string_view data_json) = 0;
  virtual void flush() = 0;
  // Nothing more comes of it.
  virtual void on_subscription_over(std::uint64_t number) = 0;
  // Events were lost.
  virtual void on_events_lost() = 0;

 protected:
  ~SubscriptionOwner() = default;
};

class SocketSubscription final : public EventSink {
 public:
  // `after` is the last event that the client has seen, as far as it is one; `is_return`: it named one.
  SocketSubscription(EventHub& hub, SubscriptionOwner& owner, std::uint64_t number,
                     const EventHub::Topic& topic, std::optional<EventId> after, bool is_return);
  ~SocketSubscription() override { stop(); }

  // No more events come to it.
  void stop() { hub_.unsubscribe(subscribed_.number); }

  // The hub tells it what comes behind this event.
  [[nodiscard]] std::uint64_t from() const { return subscribed_.from; }

  // `told_up_to`: the session has been told every event up to here. An id names no later place: who comes back with
  // it misses nothing that was on its way for another subscription.
  // Where it begins: an id to come back with before the first event.
  [[nodiscard]] EventId begins_behind(std::uint64_t told_up_to) const;

  // For a filter: tells what was missed, and from now on what happens.
  void begin(std::uint64_t told_up_to);
  // For a task, with its present state. Whether any event comes: none does when the client has seen the last.
  [[nodiscard]] bool has_ended(const api::TaskSnapshot& task) const;
  void begin(const api::TaskSnapshot& task, std::uint64_t told_up_to);

  void on_event(Publication& publication) override;
  void on_slice_end() override { owner_.flush(); }
  void on_lost() override { owner_.on_events_lost(); }

 private:
  [[nodiscard]] EventId place(std::uint64_t told_up_to, std::int64_t revision) const;
  [[nodiscard]] bool can_resume(const api::TaskSnapshot& task) const;
  void tell_all(const std::vector<EventPtr>& events);

  EventHub& hub_;
  SubscriptionOwner& owner_;
  const std::uint64_t number_;
  const std::optional<EventId> after_;
  const bool is_task_;
  const bool is_return_;
  bool has_begun_ = false;
  EventHub::Subscribed subscribed_;
  std::vector<EventPtr> early_;  // came before it has begun
};

}  // namespace longhaul::server
