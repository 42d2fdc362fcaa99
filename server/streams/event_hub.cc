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

bool lets_through(const EventHub::Topic& topic, const Event& event) {
  if (const auto* const task = std::get_if<api::TaskId>(&topic)) return event.task->id == *task;
  return api::matches(std::get<api::TaskFilter>(topic), *event.task);
}

}  // namespace

const std::string& Publication::status() {
  if (status_.empty()) {
    const api::TaskSnapshot& task = *event_->task;
    status_ = api::status_json(task, explain_(task));
  }
  return status_;
}

EventHub::EventHub(HttpServer& server, Explain explain, std::size_t max_events, std::size_t max_queued)
    : server_(server),
      explain_(std::move(explain)),
      epoch_(std::random_device()()),
      max_queued_(max_queued),
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
      subscribed.missed = log_.since(after->number);
    }
    if (task != nullptr) {
      Watchers& watchers = by_task_[*task];
      (sink->goes_first() ? watchers.first : watchers.others).insert(subscribed.number);
    } else {
      ++follower_count_;
    }
  }
  auto& missed = subscribed.missed;
  missed.erase(std::remove_if(missed.begin(), missed.end(),
                              [&](const EventPtr& event) { return !lets_through(topic, *event); }),
               missed.end());
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
    same_task->second.first.erase(number);
    same_task->second.others.erase(number);
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
    std::vector<SubscriberNumber> first;
    std::vector<SubscriberNumber> others;
    {
      base::MutexLock lock(mutex_);
      const auto found = by_task_.find(event->task->id);
      if (found != by_task_.end()) {
        first.assign(found->second.first.begin(), found->second.first.end());
        others.assign(found->second.others.begin(), found->second.others.end());
      }
    }
    if (!first.empty()) first_jobs_.push_back({publication_of(event), std::move(first)});
    if (!others.empty() || !followers_.empty())
      jobs_.push_back({publication_of(event), std::move(others), 0, !followers_.empty()});
  }
  if (jobs_.size() > max_queued_) lose_followers();
  if (is_telling_ || (first_jobs_.empty() && jobs_.empty())) return;
  is_telling_ = true;
  tell_slice();
}

void EventHub::tell_slice() {
  const auto end = clock_.boot() + slice_time;
  for (std::size_t tellings = 1; !first_jobs_.empty() || !jobs_.empty(); ++tellings) {
    std::deque<Job>& queue = first_jobs_.empty() ? jobs_ : first_jobs_;
    if (!tell_next(queue.front())) queue.pop_front();
    if (tellings % tellings_between_looks == 0 && clock_.boot() >= end) break;
  }
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const SubscriberNumber number : touched_) {
    const auto found = subscribers_.find(number);
    if (found != subscribers_.end()) found->second.sink->on_slice_end();
  }
  touched_.clear();
  is_telling_ = !first_jobs_.empty() || !jobs_.empty();
  if (is_telling_) server_.post([this] { tell_slice(); });
}

bool EventHub::tell_next(Job& job) {
  if (job.told_watchers < job.watchers.size()) {
    tell(job, job.watchers[job.told_watchers++]);
    return true;
  }
  if (!job.is_for_followers) return false;
  const auto next = followers_.upper_bound(job.last_follower);
  if (next == followers_.end()) return false;
  job.last_follower = *next;
  tell(job, job.last_follower);
  return true;
}

void EventHub::tell(Job& job, SubscriberNumber number) {
  const auto found = subscribers_.find(number);
  if (found == subscribers_.end()) return;
  const Event& event = *job.publication.event();
  if (event.number <= found->second.from || !lets_through(found->second.topic, event)) return;
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
