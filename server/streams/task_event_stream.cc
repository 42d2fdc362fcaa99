#include "server/streams/task_event_stream.h"

#include <algorithm>

#include "api/task_json.h"

namespace longhaul::server {
namespace {

// Of a backlog, before others have their turn.
constexpr int events_at_once = 64;

std::string event_text(Publication& publication) {
  return sse_event(to_text(publication.id()), to_text(publication.event()->kind), publication.status());
}

std::string reset_event() { return sse_event({}, "reset", R"({"reason": "events_not_kept"})"); }

}  // namespace

void EventStream::on_event(Publication& publication) {
  if (backlog_.empty() && has_room()) return tell(publication);
  if (!backlog_.add(publication.event())) cut();
}

void EventStream::tell(Publication& publication) {
  push(publication.text(Publication::Form::event_stream, event_text));
}

void EventStream::feed() {
  pump();
  for (int told = 0; told < events_at_once && !is_over() && !backlog_.empty() && has_room(); ++told) {
    Publication publication = hub_.publication_of(backlog_.take());
    tell(publication);
  }
  pump();
  if (is_over() || backlog_.empty() || !has_room() || goes_on_later_) return;
  goes_on_later_ = true;
  server().post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->goes_on_later_ = false;
    self->feed();
  });
}

void EventStream::on_over() {
  hub_.unsubscribe(subscriber_);
  backlog_.clear();
}

void EventStream::follow(const EventHub::Subscribed& subscribed) {
  subscriber_ = subscribed.number;
  for (const EventPtr& event : subscribed.missed) {
    if (is_over()) return;
    if (backlog_.empty() && has_room()) {
      Publication publication = hub_.publication_of(event);
      tell(publication);
    } else if (!backlog_.add_missed(event)) {
      return cut();
    }
  }
}

bool TaskEventStream::start(const api::TaskSnapshotPtr& task, const EventId& read_behind,
                            const std::optional<EventId>& after, bool is_return) {
  if (after && resume(*task, *after)) return true;
  auto subscribed = hub().subscribe(task->id, read_behind, this);
  if (!subscribed.is_resumed) {
    hub().unsubscribe(subscribed.number);
    return false;
  }
  if (is_return) push(reset_event());
  const EventId id = hub().id_at(read_behind.number, task->revision);
  push(sse_event(to_text(id), "snapshot", api::status_json(*task, hub().explain(*task))));
  auto& missed = subscribed.missed;
  missed.erase(std::remove_if(missed.begin(), missed.end(),
                              [&](const EventPtr& event) { return !is_news(*event, *task); }),
               missed.end());
  follow(subscribed);
  if (api::is_final(task->state)) finish({});
  return true;
}

// A final task of which nothing was missed has nothing to resume, but a client that has not seen its end must see it.
bool TaskEventStream::resume(const api::TaskSnapshot& task, const EventId& after) {
  const auto subscribed = hub().subscribe(task.id, after, this);
  const bool ends = std::any_of(subscribed.missed.begin(), subscribed.missed.end(),
                                [](const EventPtr& event) { return api::is_final(event->task->state); });
  if (!subscribed.is_resumed || after.revision > task.revision || (api::is_final(task.state) && !ends)) {
    hub().unsubscribe(subscribed.number);
    return false;
  }
  follow(subscribed);
  return true;
}

void TaskEventStream::tell(Publication& publication) {
  EventStream::tell(publication);
  if (api::is_final(publication.event()->task->state)) finish({});
}

void FilteredEventStream::start(const api::TaskFilter& filter, const std::optional<EventId>& after,
                                bool is_return) {
  const auto subscribed = hub().subscribe(filter, after, this);
  from_ = subscribed.from;
  if (is_return && !subscribed.is_resumed) push(reset_event());
  if (!subscribed.is_resumed) push("id: " + to_text(hub().id_at(from_, 0)) + "\n\n");
  follow(subscribed);
}

// Ids in front of what is still to be told would have it left out when the client comes back.
std::string FilteredEventStream::heartbeat() { return is_behind() ? ":\n\n" : ":\n" + place(); }

// An id without data: no event for the client's page, but where it is.
std::string FilteredEventStream::place() {
  return "id: " + to_text(hub().id_at(std::max(from_, hub().told_up_to()), 0)) + "\n\n";
}

}  // namespace longhaul::server
