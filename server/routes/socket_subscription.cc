#include "server/routes/socket_subscription.h"

#include <algorithm>
#include <utility>

#include "api/socket_message.h"
#include "api/task_json.h"
#include "server/streams/websocket_frames.h"

namespace longhaul::server {
namespace {

// Of one task, while its state is read; more would mean that the read does not come to an end.
constexpr std::size_t early_events_max = 1000;

std::string frame_text(Publication& publication) {
  return websocket_text_frame(
      api::socket_event(to_text(publication.id()), to_text(publication.event()->kind), publication.status()));
}

bool is_final_event(const EventPtr& event) { return api::is_final(event->task->state); }

}  // namespace

SharedText socket_frame(Publication& publication) {
  return publication.text(Publication::Form::socket, frame_text);
}

SocketSubscription::SocketSubscription(EventHub& hub, SubscriptionOwner& owner, std::uint64_t number,
                                       const EventHub::Topic& topic, std::optional<EventId> after,
                                       bool is_return)
    : hub_(hub),
      owner_(owner),
      number_(number),
      after_(std::move(after)),
      is_task_(std::holds_alternative<api::TaskId>(topic)),
      is_return_(is_return),
      subscribed_(hub.subscribe(topic, after_, this)) {}

EventId SocketSubscription::place(std::uint64_t told_up_to, std::int64_t revision) const {
  return hub_.id_at(std::min(subscribed_.from, told_up_to), revision);
}

EventId SocketSubscription::begins_behind(std::uint64_t told_up_to) const {
  if (subscribed_.is_resumed && after_) return *after_;
  return place(told_up_to, 0);
}

void SocketSubscription::begin(std::uint64_t told_up_to) {
  has_begun_ = true;
  if (is_return_ && !subscribed_.is_resumed)
    owner_.tell(place(told_up_to, 0), "reset", R"({"reason":"events_not_kept"})");
  tell_all(std::exchange(subscribed_.missed, {}));
}

// The revision alone may be that of another task, whose event came last on the connection: an end that is kept
// behind the named event is told, even if that is once more.
bool SocketSubscription::has_ended(const api::TaskSnapshot& task) const {
  return api::is_final(task.state) && after_ && after_->revision == task.revision &&
         std::none_of(subscribed_.missed.begin(), subscribed_.missed.end(), is_final_event);
}

// A final task of which nothing was missed has nothing to resume, but a client that has not seen its end (or
// names another task's event) must see it.
bool SocketSubscription::can_resume(const api::TaskSnapshot& task) const {
  if (!subscribed_.is_resumed || after_->revision > task.revision) return false;
  const bool tells_end = std::any_of(subscribed_.missed.begin(), subscribed_.missed.end(), is_final_event) ||
                         std::any_of(early_.begin(), early_.end(), is_final_event);
  return tells_end || !api::is_final(task.state);
}

void SocketSubscription::begin(const api::TaskSnapshot& task, std::uint64_t told_up_to) {
  has_begun_ = true;
  const bool resumes = can_resume(task);
  std::vector<EventPtr> events = std::exchange(subscribed_.missed, {});
  if (!resumes) events.clear();
  for (EventPtr& event : std::exchange(early_, {})) {
    if (resumes || is_news(*event, task)) events.push_back(std::move(event));
  }
  if (!resumes) {
    const EventId id = place(told_up_to, task.revision);
    if (is_return_) owner_.tell(id, "reset", R"({"reason":"events_not_kept"})");
    owner_.tell(id, "snapshot", api::status_json(task, hub_.explain(task)));
  }
  const bool has_final = std::any_of(events.begin(), events.end(), is_final_event);
  const bool is_over = !resumes && api::is_final(task.state) && !has_final;
  tell_all(events);  // which may be the last of us
  if (is_over) owner_.on_subscription_over(number_);
}

void SocketSubscription::tell_all(const std::vector<EventPtr>& events) {
  for (const EventPtr& event : events) {
    Publication publication = hub_.publication_of(event);
    const bool is_last = is_task_ && is_final_event(event);
    owner_.tell(publication);
    if (is_last) return owner_.on_subscription_over(number_);
  }
}

void SocketSubscription::on_event(Publication& publication) {
  if (!has_begun_ && is_task_) {
    if (early_.size() == early_events_max) return owner_.on_events_lost();
    return early_.push_back(publication.event());
  }
  const bool is_last = is_task_ && is_final_event(publication.event());
  owner_.tell_now(publication);
  if (is_last) owner_.on_subscription_over(number_);
}

}  // namespace longhaul::server
