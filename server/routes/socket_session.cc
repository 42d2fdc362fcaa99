#include "server/routes/socket_session.h"

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
    session->pump();
  };
}

// ---- events

void SocketSession::tell(Publication& publication) {
  const std::uint64_t number = publication.event()->number;
  if (number == last_told_) return;
  last_told_ = number;
  if (backlog_.empty() && has_room()) return push(socket_frame(publication));
  if (!backlog_.add(publication.event())) cut();
}

void SocketSession::feed() {
  pump();
  while (!backlog_.empty() && has_room()) {
    while (!backlog_.empty() && has_room()) {
      Publication publication = context_.events.publication_of(backlog_.take());
      push(socket_frame(publication));
    }
    pump();
  }
}

void SocketSession::tell(const EventId& id, std::string_view type, std::string_view data_json) {
  push_text(api::socket_event(to_text(id), type, data_json));
}

void SocketSession::on_subscription_over(std::uint64_t number) {
  subscriptions_.erase(number);
  feed();
}

void SocketSession::on_events_lost() {
  close(CloseCode::try_again_later, "events were lost: come back with the last event id");
}

// Not dropped yet: one of them may be what called us.
void SocketSession::end() {
  for (const auto& [number, asked] : subscriptions_) asked.subscription->stop();
  backlog_.clear();
}

// ---- subscribe, unsubscribe

void SocketSession::carry_out(const RawJson& ref, const api::SocketSubscribe& order) {
  if (subscriptions_.size() >= api::limits::socket_subscriptions)
    return answer(ref, api::refuse(too_many_subscriptions()));
  if (in_flight_ >= api::limits::socket_requests_in_flight)
    return answer(ref, api::refuse(too_many_requests()));
  const auto after = order.last_event_id ? parse_event_id(*order.last_event_id) : std::nullopt;
  const std::uint64_t number = ++last_subscription_;
  SubscriptionOwner& owner = *this;
  auto made = std::make_unique<SocketSubscription>(context_.events, owner, number, order.subject, after,
                                                   order.last_event_id.has_value());
  SocketSubscription& subscription = *made;
  subscriptions_.emplace(number, Asked{ref, std::move(made)});
  if (const auto* const id = std::get_if<api::TaskId>(&order.subject)) {
    ++in_flight_;
    return find_task(context_, *id,
                     [weak = std::weak_ptr<SocketSession>(self()), ref, number](const auto& found) {
                       if (const auto session = weak.lock()) session->begin_with_task(ref, number, found);
                     });
  }
  answer(ref, ok_subscribed(number, subscription.begins_behind()));
  subscription.begin();
}

void SocketSession::begin_with_task(const RawJson& ref, std::uint64_t number,
                                    const Checked<api::TaskSnapshotPtr>& found) {
  --in_flight_;
  const auto subscribed = subscriptions_.find(number);
  if (!found || found.value() == nullptr) {
    if (subscribed != subscriptions_.end()) subscriptions_.erase(subscribed);
    answer(ref, api::refuse(found ? task_not_found_problem() : found.error()));
  } else if (subscribed == subscriptions_.end() ||
             subscribed->second.subscription->has_ended(*found.value())) {  // or unsubscribed meanwhile
    if (subscribed != subscriptions_.end()) subscriptions_.erase(subscribed);
    answer(ref, ok_subscribed(number, std::nullopt));
  } else {
    SocketSubscription& subscription = *subscribed->second.subscription;
    answer(ref, ok_subscribed(number, subscription.begins_behind()));
    if (!is_over()) subscription.begin(*found.value());
  }
  feed();
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
  for (const std::uint64_t number : numbers) subscriptions_.erase(number);
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
