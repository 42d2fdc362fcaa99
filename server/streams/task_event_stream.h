// GET /task-status/{id} and GET /events as streams of server-sent events.
//
// Not thread-safe: the loop's own. Ownership: shared with their connections; hub, streams and clock must outlive
// them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/task.h"
#include "api/task_query.h"
#include "server/streams/event_backlog.h"
#include "server/streams/event_hub.h"
#include "server/streams/sse_stream.h"

namespace longhaul::server {

// What both are: a subscriber whose events go to its client.
class EventStream : public SseStream, public EventSink, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(EventHub& hub, OpenStreams& streams, const base::Clock& clock)
      : SseStream(streams, StreamKind::events, clock), hub_(hub), backlog_(streams.budget()) {}
  ~EventStream() override { hub_.unsubscribe(subscriber_); }

  void on_event(Publication& publication) final;
  void on_slice_end() final { feed(); }
  void on_writable() final { feed(); }
  void on_lost() final { finish("too_many_events"); }

 protected:
  void on_over() final;
  [[nodiscard]] EventHub& hub() { return hub_; }
  // What was missed comes first.
  void follow(const EventHub::Subscribed& subscribed);
  virtual void tell(Publication& publication);
  [[nodiscard]] bool is_behind() const { return !backlog_.empty(); }

 private:
  void feed();

  EventHub& hub_;
  EventBacklog backlog_;
  EventHub::SubscriberNumber subscriber_ = 0;
  bool goes_on_later_ = false;
};

// One task, from a snapshot, or from where its client left, to its final event.
class TaskEventStream final : public EventStream {
 public:
  using EventStream::EventStream;

  // `task` was read later than `read_behind`; `after` is what the client saw last, if it says so. False: what
  // happened since that reading is not kept any more; read again, and make another stream.
  [[nodiscard]] bool start(const api::TaskSnapshotPtr& task, const EventId& read_behind,
                           const std::optional<EventId>& after, bool is_return);

 protected:
  void tell(Publication& publication) override;

 private:
  [[nodiscard]] bool resume(const api::TaskSnapshot& task, const EventId& after);
};

// Every task that a filter lets through, from now on or from where the client left, without an end.
class FilteredEventStream final : public EventStream {
 public:
  using EventStream::EventStream;
  void start(const api::TaskFilter& filter, const std::optional<EventId>& after, bool is_return);

 protected:
  // With the present place, so that a client of a quiet filter does not fall behind what is kept.
  [[nodiscard]] std::string heartbeat() override;

 private:
  [[nodiscard]] std::string place();
  std::uint64_t from_ = 0;
};

}  // namespace longhaul::server
