// Tells those who watch what happens: every committed change and every progress of the tasks they asked for, each
// once and in the order of the commits. What is told is also kept for a while, for those who come back.
//
// Race-free use: subscribe() first, then read the task's present state; leave out what that state knows already
// (is_news() of event.h).
//
// Thread-safety: on_committed() and on_noted() on the store's writer thread, set_max_events() from any; all else on
// the loop's thread. The writer only notes what happened and whether anybody wants to know; subscribers are told
// by the loop, in slices, so that many of them hold up nobody else. Ownership: a sink unsubscribes before it dies;
// the server outlives the hub's use, the hub the running of its loop.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "api/limits.h"
#include "api/task_json.h"
#include "api/task_query.h"
#include "base/mutex.h"
#include "server/http/http_server.h"
#include "server/streams/event.h"
#include "server/streams/event_log.h"
#include "storage/store.h"

namespace longhaul::server {

using SharedText = std::shared_ptr<const std::string>;
// What the status of a task waits for, at the time of asking.
using Explain = std::function<std::optional<api::WaitingFor>(const api::TaskSnapshot&)>;

// An event on its way to its subscribers, with the texts that they share: each is made once, by the first who
// needs it.
class Publication {
 public:
  enum class Form : std::uint8_t { event_stream, socket };

  Publication(EventPtr event, std::uint32_t epoch, const Explain& explain)
      : event_(std::move(event)), epoch_(epoch), explain_(explain) {}

  [[nodiscard]] const EventPtr& event() const { return event_; }
  [[nodiscard]] EventId id() const { return {epoch_, event_->number, event_->task->revision}; }
  // The task's status as JSON.
  [[nodiscard]] const std::string& status();
  // `make` is called with this publication when nobody has asked for that form before.
  template <class Make>
  [[nodiscard]] const SharedText& text(Form form, const Make& make) {
    SharedText& text = texts_[static_cast<std::size_t>(form)];
    if (text == nullptr) text = std::make_shared<const std::string>(make(*this));
    return text;
  }

 private:
  EventPtr event_;
  std::uint32_t epoch_;
  const Explain& explain_;
  std::string status_;
  std::array<SharedText, 2> texts_;
};

class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;
  virtual void on_event(Publication& publication) = 0;
  // Whether it is told before those that stream: somebody waits for one answer.
  [[nodiscard]] virtual bool goes_first() const { return false; }
  // Behind the last event of a slice: what on_event() gathered may go out now.
  virtual void on_slice_end() {}
  // The loop has fallen behind by more than the hub keeps: no more events come, and some have been lost.
  virtual void on_lost() = 0;
};

class EventHub final : public storage::StoreObserver {
 public:
  using Topic = std::variant<api::TaskId, api::TaskFilter>;
  using SubscriberNumber = std::uint64_t;  // 0: none

  EventHub(HttpServer& server, Explain explain, std::size_t max_events,
           std::size_t max_queued = api::limits::queued_events);

  struct Subscribed {
    SubscriberNumber number = 0;
    std::uint64_t from = 0;        // what is told comes behind this event
    bool is_resumed = false;       // `missed` is all there was since the event that was named
    std::vector<EventPtr> missed;  // in order
  };
  // Whether another one may subscribe with a filter: each costs something at every event.
  [[nodiscard]] bool has_room_for_follower() const {
    return followers_.size() < api::limits::event_followers;
  }
  // `after` names the last event that the client has seen.
  Subscribed subscribe(const Topic& topic, const std::optional<EventId>& after, EventSink* sink);
  void unsubscribe(SubscriberNumber number);

  // An event out of `missed`, with its texts.
  [[nodiscard]] Publication publication_of(EventPtr event) const {
    return {std::move(event), epoch_, explain_};
  }
  // Behind the latest event.
  [[nodiscard]] EventId place() const EXCLUDES(mutex_);
  // The id of a place behind event `number`, at a task's revision.
  [[nodiscard]] EventId id_at(std::uint64_t number, std::int64_t revision) const {
    return {epoch_, number, revision};
  }
  // Followers (those who subscribed with a filter) have been told every event up to here.
  [[nodiscard]] std::uint64_t told_up_to() const {
    return jobs_.empty() ? last_enqueued_ : jobs_.front().publication.event()->number - 1;
  }
  [[nodiscard]] std::optional<api::WaitingFor> explain(const api::TaskSnapshot& task) const {
    return explain_(task);
  }

  void set_max_events(std::size_t max_events) EXCLUDES(mutex_);

  void on_committed(std::span<const storage::TaskChange> changes) override EXCLUDES(mutex_);
  void on_noted(std::span<const storage::NotedTask> noted) override EXCLUDES(mutex_);

  // Events told to a subscriber, each counted for each. Any thread.
  [[nodiscard]] std::int64_t told() const { return told_.load(std::memory_order_relaxed); }
  // For how many tasks somebody waits. Any thread.
  [[nodiscard]] std::size_t watched_tasks() const EXCLUDES(mutex_);

 private:
  struct Subscriber {
    Topic topic;
    EventSink* sink = nullptr;
    std::uint64_t from = 0;
  };
  // Those who asked for this task, then those with a filter in the order of their numbers.
  struct Job {
    Publication publication;
    std::vector<SubscriberNumber> watchers;
    std::size_t told_watchers = 0;
    bool is_for_followers = false;
    SubscriberNumber last_follower = 0;
  };
  struct Watchers {
    std::unordered_set<SubscriberNumber> first;  // those who go first
    std::unordered_set<SubscriberNumber> others;
    [[nodiscard]] bool empty() const { return first.empty() && others.empty(); }
  };
  void hand_over(std::vector<EventPtr> events);
  void enqueue(const std::vector<EventPtr>& events);
  void tell_slice();
  // Tells the next one. False: there was none left.
  [[nodiscard]] bool tell_next(Job& job);
  void tell(Job& job, SubscriberNumber number);
  void lose_followers();
  [[nodiscard]] bool is_wanted(const Event& event) const REQUIRES(mutex_);

  HttpServer& server_;
  const Explain explain_;
  const std::uint32_t epoch_;
  const base::SystemClock clock_;  // for the length of slices alone

  // The loop's thread alone.
  std::unordered_map<SubscriberNumber, Subscriber> subscribers_;
  std::set<SubscriberNumber> followers_;  // those with a filter
  SubscriberNumber last_number_ = 0;
  std::deque<Job> first_jobs_;
  std::deque<Job> jobs_;
  const std::size_t max_queued_;
  std::uint64_t last_enqueued_ = 0;
  std::vector<SubscriberNumber> touched_;
  bool is_telling_ = false;
  std::atomic<std::int64_t> told_{0};

  mutable base::Mutex mutex_;
  EventLog log_ GUARDED_BY(mutex_);
  std::unordered_map<api::TaskId, Watchers> by_task_ GUARDED_BY(mutex_);
  std::size_t follower_count_ GUARDED_BY(mutex_) = 0;

  // The writer's thread alone: what its last commit with changes told, so that progress that a change has in it
  // is not told once more behind it.
  std::vector<api::TaskSnapshotPtr> last_changes_;
};

}  // namespace longhaul::server
