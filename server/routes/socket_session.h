// What a client may do on its WebSocket: subscribe, unsubscribe, start, cancel. Each of its messages is answered
// once, with the `ref` that it had; an answer that takes a while does not hold up those behind it.
//
// An event that several subscriptions of the connection let through is told once, of what happens from now on; what
// was missed is told to each that resumes. Subscriptions begin one by one, in the order in which they were asked for,
// and never while events still wait for the client: so a resumed one adds no more than the hub keeps, and neither an
// answer nor a snapshot overtakes an event that its id has behind it.
//
// Not thread-safe: the loop's own, but for its making. Ownership: shared with the transport; the context must
// outlive it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/problem.h"
#include "api/socket_message.h"
#include "server/routes/route.h"
#include "server/routes/socket_subscription.h"
#include "server/streams/event_backlog.h"
#include "server/streams/websocket_connection.h"

namespace longhaul::server {

class SocketSession final : public WebsocketConnection, private SubscriptionOwner {
 public:
  SocketSession(const RouteContext& context, std::string request_id)
      : WebsocketConnection(context.streams, context.clock),
        context_(context),
        request_id_(std::move(request_id)),
        backlog_(context.streams.budget()) {}

  void on_writable() override { feed(); }

 private:
  struct Asked {
    api::RawJson ref;                                  // of the subscribe
    std::unique_ptr<SocketSubscription> subscription;  // null while it is held
  };
  using Subscriptions = std::map<std::uint64_t, Asked>;
  // A subscribe that has to wait for its turn.
  struct Held {
    std::uint64_t number = 0;
    EventHub::Topic topic;
    std::optional<EventId> after;
    bool is_return = false;
  };
  // The one whose task is being read, or has been and waits.
  struct Reading {
    api::RawJson ref;
    std::uint64_t number = 0;
    std::optional<api::Checked<api::TaskSnapshotPtr>> found;
  };

  void on_message(std::string_view text) override;
  void end() override;

  void tell(Publication& publication) override;
  void tell_now(Publication& publication) override;
  void drain();
  void feed();
  void tell(const EventId& id, std::string_view type, std::string_view data_json) override;
  void flush() override { feed(); }
  void on_subscription_over(std::uint64_t number) override;
  void on_events_lost() override;

  void carry_out(const api::RawJson& ref, const api::SocketSubscribe& order);
  void carry_out(const api::RawJson& ref, const api::SocketUnsubscribe& order);
  void carry_out(const api::RawJson& ref, const api::SocketStart& order);
  void carry_out(const api::RawJson& ref, const api::SocketCancel& order);
  // The next subscription, if it is its turn; the ones behind it have theirs later, and others in between.
  void begin_next();
  [[nodiscard]] bool is_ready_to_begin() const;
  void feed_soon();
  [[nodiscard]] bool can_begin();
  void begin(Held next);
  void begin_with_task(const Reading& reading);
  [[nodiscard]] bool drop_held(std::uint64_t number);
  // Every event up to here has been told to all subscriptions that it was for.
  [[nodiscard]] std::uint64_t told_up_to() const;

  // From now on a request is in flight: what is returned answers it, with the JSON of its `ok` or a problem, on
  // the loop's thread. It may outlive us.
  using Answer = std::function<void(const api::Checked<std::string>&)>;
  [[nodiscard]] Answer begin_request(const api::RawJson& ref);
  [[nodiscard]] std::shared_ptr<SocketSession> self() {
    return std::static_pointer_cast<SocketSession>(shared_from_this());
  }
  [[nodiscard]] bool was_given(const std::string& subscription) const;
  void answer(const api::RawJson& ref, const api::Checked<std::string>& outcome);

  const RouteContext& context_;
  const std::string request_id_;
  std::uint64_t last_subscription_ = 0;
  Subscriptions subscriptions_;
  std::deque<Held> held_;  // in flight, too
  std::optional<Reading> reading_;
  bool is_beginning_ = false;
  bool feeds_soon_ = false;
  std::size_t in_flight_ = 0;
  std::uint64_t last_told_ = 0;  // the number of an event
  EventBacklog backlog_;         // that the client cannot take yet
};

}  // namespace longhaul::server
