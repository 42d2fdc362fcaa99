#include "server/routes/socket_session.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "api/fault_list.h"
#include "api/json_writer.h"
#include "api/limits.h"
#include "server/routes/answers.h"
#include "server/routes/cancel_outcome.h"
#include "server/routes/socket_start.h"

namespace longhaul::server {
namespace {

// Of a backlog, before others have their turn.
constexpr int events_at_once = 64;

using api::Checked;
using api::ErrorCode;
using api::Problem;
using api::RawJson;

Problem too_many_requests() {
  Problem problem = overloaded_problem();
  problem.detail = "The connection has " + std::to_string(api::limits::socket_requests_in_flight) +
                   " requests in flight, the most it may have. This one was not carried out.";
  return problem;
}

Problem too_many_subscriptions() {
  api::FaultList faults;
  faults.add("#", "is one subscription more than the " + std::to_string(api::limits::socket_subscriptions) +
                      " that a connection may have");
  return std::move(faults).to_problem();
}

Problem unknown_subscription() {
  return api::refuse(ErrorCode::not_found, "The connection has had no such subscription.").error;
}

std::string ok_subscribed(std::uint64_t number, const std::optional<EventId>& begins_behind) {
  api::JsonWriter out;
  out.begin_object().key("subscription").string(std::to_string(number));
  if (begins_behind) {
    out.key("last_event_id").string(to_text(*begins_behind));
  } else {
    out.key("ended").boolean(true);
  }
  out.end_object();
  return out.take();
}

std::string ok_unsubscribed(const std::vector<std::uint64_t>& numbers) {
  api::JsonWriter out;
  out.begin_object().key("unsubscribed").begin_array();
  for (const std::uint64_t number : numbers) out.string(std::to_string(number));
  out.end_array().end_object();
  return out.take();
}

}  // namespace

void SocketSession::on_message(std::string_view text) {
  const auto request = api::parse_socket_request(text);
  if (!request) return answer(request.error().ref, api::refuse(request.error().problem));
  std::visit([&](const auto& order) { carry_out(request->ref, order); }, request->order);
}

void SocketSession::answer(const RawJson& ref, const Checked<std::string>& outcome) {
  push_text(outcome ? api::socket_ok(ref, outcome.value())
                    : api::socket_problem(ref, outcome.error(), request_id_));
}

SocketSession::Answer SocketSession::begin_request(const RawJson& ref) {
  ++in_flight_;
  return [weak = std::weak_ptr<SocketSession>(self()), ref](const Checked<std::string>& outcome) {
    const auto session = weak.lock();
    if (session == nullptr) return;
    --session->in_flight_;
    session->answer(ref, outcome);
    session->feed();
  };
}

// ---- events

void SocketSession::tell_now(Publication& publication) {
  const std::uint64_t number = publication.event()->number;
  if (number == last_told_) return;
  last_told_ = number;
  if (is_over()) return;
  if (backlog_.empty() && has_room()) return push(socket_frame(publication));
  if (!backlog_.add(publication.event())) cut();
}

void SocketSession::tell(Publication& publication) {
  if (is_over()) return;
  if (backlog_.empty() && has_room()) return push(socket_frame(publication));
  if (!backlog_.add_missed(publication.event())) cut();
}

void SocketSession::feed() {
  drain();
  begin_next();
  drain();
  if (can_begin() && is_ready_to_begin()) feed_soon();  // nothing else may come that would remind us
}

void SocketSession::drain() {
  pump();
  for (int told = 0; told < events_at_once && !backlog_.empty() && has_room(); ++told) {
    Publication publication = context_.events.publication_of(backlog_.take());
    push(socket_frame(publication));
  }
  pump();
  if (!backlog_.empty() && has_room()) feed_soon();
}

void SocketSession::tell(const EventId& id, std::string_view type, std::string_view data_json) {
  push_text(api::socket_event(to_text(id), type, data_json));
}

void SocketSession::on_subscription_over(std::uint64_t number) {
  subscriptions_.erase(number);
  drain();
  if (is_ready_to_begin()) feed_soon();
}

void SocketSession::on_events_lost() {
  close(CloseCode::try_again_later, "events were lost: come back with the last event id");
}

// Not dropped yet: one of them may be what called us.
void SocketSession::end() {
  for (const auto& [number, asked] : subscriptions_) {
    if (asked.subscription != nullptr) asked.subscription->stop();
  }
  held_.clear();
  backlog_.clear();
}

// ---- subscribe, unsubscribe

void SocketSession::carry_out(const RawJson& ref, const api::SocketSubscribe& order) {
  if (subscriptions_.size() >= api::limits::socket_subscriptions)
    return answer(ref, api::refuse(too_many_subscriptions()));
  if (in_flight_ >= api::limits::socket_requests_in_flight)
    return answer(ref, api::refuse(too_many_requests()));
  const std::uint64_t number = ++last_subscription_;
  subscriptions_.emplace(number, Asked{ref, nullptr});
  ++in_flight_;
  const auto after = order.last_event_id ? parse_event_id(*order.last_event_id) : std::nullopt;
  held_.push_back({number, order.subject, after, order.last_event_id.has_value()});
  // One that resumes looks through all that is kept: not more than one before others have their turn.
  if (held_.size() == 1 && !held_.front().is_return) return begin_next();
  feed_soon();
}

bool SocketSession::can_begin() {
  if (!has_room()) pump();
  return !is_over() && backlog_.empty() && has_room();
}

void SocketSession::begin_next() {
  if (is_beginning_) return;
  is_beginning_ = true;
  bool has_begun = false;
  while (can_begin()) {
    if (reading_ && reading_->found) {
      const Reading reading = *std::move(reading_);
      reading_.reset();
      begin_with_task(reading);
    } else if (!reading_ && !held_.empty() && !has_begun) {
      has_begun = true;
      Held next = std::move(held_.front());
      held_.pop_front();
      begin(std::move(next));
    } else {
      break;
    }
  }
  is_beginning_ = false;
}

bool SocketSession::is_ready_to_begin() const {
  return reading_ ? reading_->found.has_value() : !held_.empty();
}

void SocketSession::feed_soon() {
  if (feeds_soon_ || is_over()) return;
  feeds_soon_ = true;
  context_.server.post([weak = std::weak_ptr<SocketSession>(self())] {
    const auto session = weak.lock();
    if (session == nullptr) return;
    session->feeds_soon_ = false;
    session->feed();
  });
}

// The hub counts only what it tells somebody. Behind the place from which the first of us was told that is all there
// is for us.
std::uint64_t SocketSession::told_up_to() const {
  return std::max(subscriptions_.begin()->second.subscription->from(), context_.events.told_up_to());
}

void SocketSession::begin(Held next) {
  SubscriptionOwner& owner = *this;
  Asked& asked = subscriptions_.at(next.number);
  if (std::holds_alternative<api::TaskFilter>(next.topic) && !context_.events.has_room_for_follower()) {
    --in_flight_;
    answer(asked.ref, api::refuse(overloaded_problem()));
    subscriptions_.erase(next.number);
    return;
  }
  asked.subscription = std::make_unique<SocketSubscription>(context_.events, owner, next.number, next.topic,
                                                            next.after, next.is_return);
  if (const auto* const id = std::get_if<api::TaskId>(&next.topic)) {
    reading_ = Reading{asked.ref, next.number, std::nullopt};
    return find_task(context_, *id, [weak = std::weak_ptr<SocketSession>(self())](const auto& found) {
      const auto session = weak.lock();
      if (session == nullptr || !session->reading_) return;
      session->reading_->found = found;
      session->feed();
    });
  }
  --in_flight_;
  const std::uint64_t place = told_up_to();
  answer(asked.ref, ok_subscribed(next.number, asked.subscription->begins_behind(place)));
  asked.subscription->begin(place);
}

void SocketSession::begin_with_task(const Reading& reading) {
  --in_flight_;
  const Checked<api::TaskSnapshotPtr>& found = *reading.found;
  const auto subscribed = subscriptions_.find(reading.number);
  if (!found || found.value() == nullptr) {
    if (subscribed != subscriptions_.end()) subscriptions_.erase(subscribed);
    answer(reading.ref, api::refuse(found ? task_not_found_problem() : found.error()));
  } else if (subscribed == subscriptions_.end() ||
             subscribed->second.subscription->has_ended(*found.value())) {  // or unsubscribed meanwhile
    if (subscribed != subscriptions_.end()) subscriptions_.erase(subscribed);
    answer(reading.ref, ok_subscribed(reading.number, std::nullopt));
  } else {
    SocketSubscription& subscription = *subscribed->second.subscription;
    const std::uint64_t place = told_up_to();
    answer(reading.ref, ok_subscribed(reading.number, subscription.begins_behind(place)));
    if (!is_over()) subscription.begin(*found.value(), place);
  }
}

bool SocketSession::drop_held(std::uint64_t number) {
  const auto held =
      std::find_if(held_.begin(), held_.end(), [&](const Held& other) { return other.number == number; });
  if (held == held_.end()) return false;
  held_.erase(held);
  --in_flight_;
  return true;
}

// One that is over already needs no unsubscribing, and nobody who asks for it too late has made a mistake.
bool SocketSession::was_given(const std::string& subscription) const {
  std::uint64_t number = 0;
  const char* const end = subscription.data() + subscription.size();
  const auto read = std::from_chars(subscription.data(), end, number);
  return read.ec == std::errc() && read.ptr == end && number >= 1 && number <= last_subscription_;
}

void SocketSession::carry_out(const RawJson& ref, const api::SocketUnsubscribe& order) {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, asked] : subscriptions_) {
    if (order.subscription ? *order.subscription == std::to_string(number) : asked.ref.text == ref.text)
      numbers.push_back(number);
  }
  for (const std::uint64_t number : numbers) {
    const auto found = subscriptions_.find(number);
    if (drop_held(number)) answer(found->second.ref, ok_subscribed(number, std::nullopt));
    subscriptions_.erase(found);
  }
  if (numbers.empty() && order.subscription && !was_given(*order.subscription))
    return answer(ref, api::refuse(unknown_subscription()));
  answer(ref, ok_unsubscribed(numbers));
}

// ---- start, cancel

void SocketSession::carry_out(const RawJson& ref, const api::SocketStart& order) {
  if (in_flight_ >= api::limits::socket_requests_in_flight)
    return answer(ref, api::refuse(too_many_requests()));
  start_for_socket(context_, order, begin_request(ref));
}

void SocketSession::carry_out(const RawJson& ref, const api::SocketCancel& order) {
  if (in_flight_ >= api::limits::socket_requests_in_flight)
    return answer(ref, api::refuse(too_many_requests()));
  context_.store.cancel(order.task_id, order.reason,
                        [&context = context_, done = begin_request(ref)](
                            const storage::StoreResult<storage::CancelOutcome>& outcome) {
                          context.server.post([&context, done, outcome] {
                            if (auto refusal = refusal_of(outcome))
                              return done(api::refuse(*std::move(refusal)));
                            const api::TaskSnapshot& task = *outcome->task;
                            done(api::status_json(task, context.dispatcher.explain(task)));
                          });
                        });
}

}  // namespace longhaul::server
