#include "server/streams/event_hub.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "api/limits.h"

namespace longhaul::server {
namespace {

// Others have their turn after this long.
constexpr auto slice_time = std::chrono::milliseconds(1);
constexpr std::size_t tellings_between_looks = 16;

}  // namespace

const std::string& Publication::status() {
  if (status_.empty()) {
    const api::TaskSnapshot& task = *event_->task;
    status_ = api::status_json(task, explain_(task));
  }
  return status_;
}

EventHub::EventHub(HttpServer& server, Explain explain, std::size_t max_events)
    : server_(server),
      explain_(std::move(explain)),
      epoch_(std::random_device()()),
      jobs_max_(max_events),
      log_(max_events, api::limits::event_log_bytes) {}

EventHub::Subscribed EventHub::subscribe(const Topic& topic, const std::optional<EventId>& after,
                                         EventSink* sink) {
  Subscribed subscribed;
  subscribed.number = ++last_number_;
  const auto* const task = std::get_if<api::TaskId>(&topic);
  {
    base::MutexLock lock(mutex_);
    subscribed.from = log_.last_number();
    if (after && after->epoch == epoch_ && log_.reaches_back_to(after->number)) {
      subscribed.is_resumed = true;
      subscribed.missed = log_.since(after->number, [&](const Event& event) {
        if (task != nullptr) return event.task->id == *task;
        return api::matches(std::get<api::TaskFilter>(topic), *event.task);
      });
    }
    if (task != nullptr) {
      by_task_[*task].insert(subscribed.number);
    } else {
      ++follower_count_;
    }
  }
  if (task == nullptr) followers_.insert(subscribed.number);
  subscribers_.emplace(subscribed.number, Subscriber{topic, sink, subscribed.from});
  return subscribed;
}

void EventHub::unsubscribe(SubscriberNumber number) {
  const auto found = subscribers_.find(number);
  if (found == subscribers_.end()) return;
  base::MutexLock lock(mutex_);
  if (const auto* const task = std::get_if<api::TaskId>(&found->second.topic)) {
    const auto same_task = by_task_.find(*task);
    same_task->second.erase(number);
    if (same_task->second.empty()) by_task_.erase(same_task);
  } else {
    --follower_count_;
    followers_.erase(number);
  }
  subscribers_.erase(found);
}

EventId EventHub::place() const {
  base::MutexLock lock(mutex_);
  return {epoch_, log_.last_number(), 0};
}

void EventHub::set_max_events(std::size_t max_events) {
  base::MutexLock lock(mutex_);
  log_.set_max_events(max_events);
}

bool EventHub::is_wanted(const Event& event) const {
  return follower_count_ > 0 || (!by_task_.empty() && by_task_.count(event.task->id) > 0);
}

void EventHub::on_committed(std::span<const storage::TaskChange> changes) {
  if (changes.empty()) return;
  std::vector<EventPtr> wanted;
  last_changes_.clear();
  {
    base::MutexLock lock(mutex_);
    for (const storage::TaskChange& change : changes) {
      last_changes_.push_back(change.task);
      const EventPtr event = log_.append(EventKind::state, change.task);
      if (is_wanted(*event)) wanted.push_back(event);
    }
  }
  hand_over(std::move(wanted));
}

void EventHub::on_noted(std::span<const storage::NotedTask> noted) {
  std::vector<EventPtr> wanted;
  for (const storage::NotedTask& note : noted) {
    if (!note.has_progress) continue;
    const bool is_told = std::any_of(last_changes_.begin(), last_changes_.end(), [&](const auto& change) {
      return change->key == note.task->key && (change == note.task || change->revision > note.task->revision);
    });
    if (is_told) continue;
    base::MutexLock lock(mutex_);
    const EventPtr event = log_.append(EventKind::progress, note.task);
    if (is_wanted(*event)) wanted.push_back(event);
  }
  hand_over(std::move(wanted));
}

void EventHub::hand_over(std::vector<EventPtr> events) {
  if (events.empty()) return;
  server_.post([this, events = std::move(events)] { enqueue(events); });
}

void EventHub::enqueue(const std::vector<EventPtr>& events) {
  last_enqueued_ = events.back()->number;
  for (const EventPtr& event : events) {
    std::vector<SubscriberNumber> targets(followers_.begin(), followers_.end());
    {
      base::MutexLock lock(mutex_);
      const auto found = by_task_.find(event->task->id);
      if (found != by_task_.end()) targets.insert(targets.end(), found->second.begin(), found->second.end());
    }
    if (!targets.empty()) jobs_.push_back({publication_of(event), std::move(targets), 0});
  }
  if (jobs_.size() > jobs_max_) lose_followers();
  if (is_telling_ || jobs_.empty()) return;
  is_telling_ = true;
  tell_slice();
}

void EventHub::tell_slice() {
  const auto end = clock_.boot() + slice_time;
  std::size_t tellings = 0;
  while (!jobs_.empty()) {
    Job& job = jobs_.front();
    tell(job);
    if (job.done == job.targets.size()) jobs_.pop_front();
    if (++tellings % tellings_between_looks == 0 && clock_.boot() >= end) break;
  }
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const SubscriberNumber number : touched_) {
    const auto found = subscribers_.find(number);
    if (found != subscribers_.end()) found->second.sink->on_slice_end();
  }
  touched_.clear();
  is_telling_ = !jobs_.empty();
  if (is_telling_) server_.post([this] { tell_slice(); });
}

void EventHub::tell(Job& job) {
  const SubscriberNumber number = job.targets[job.done++];
  const auto found = subscribers_.find(number);
  if (found == subscribers_.end()) return;
  const Event& event = *job.publication.event();
  if (event.number <= found->second.from) return;
  const auto* const filter = std::get_if<api::TaskFilter>(&found->second.topic);
  if (filter != nullptr && !api::matches(*filter, *event.task)) return;
  touched_.push_back(number);
  told_.fetch_add(1, std::memory_order_relaxed);
  found->second.sink->on_event(job.publication);
}

// Those who watch one task are few for each event; those who follow many are what the loop cannot keep up with.
void EventHub::lose_followers() {
  const std::vector<SubscriberNumber> lost(followers_.begin(), followers_.end());
  for (const SubscriberNumber number : lost) {
    const auto found = subscribers_.find(number);
    if (found == subscribers_.end()) continue;
    EventSink* const sink = found->second.sink;
    unsubscribe(number);
    sink->on_lost();
  }
}

std::size_t EventHub::watched_tasks() const {
  base::MutexLock lock(mutex_);
  return by_task_.size();
}

}  // namespace longhaul::server
