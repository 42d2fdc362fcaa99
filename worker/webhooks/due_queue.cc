#include "worker/webhooks/due_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace longhaul::worker::webhooks {
namespace {

// A lane with less than this is not worth being cut for the sake of another: looking for it costs more.
constexpr std::size_t least_cut = 16;

}  // namespace

DueQueue::DueQueue(Limits limits) : limits_(limits), ready_(limits.under_way_by_endpoint) {}

// ---- what waits

void DueQueue::add(const storage::OwedDelivery& delivery) {
  const auto known = entries_.find(delivery.key);
  if (known == entries_.end() || known->second.state == State::waiting) return keep(delivery);
  // Else it was read from the disk before it was told of.
  if (delivery.due > known->second.due) keep_earlier(known->second.again, delivery.due);
}

void DueQueue::keep(const storage::OwedDelivery& delivery) {
  if (const auto known = entries_.find(delivery.key); known != entries_.end())
    return bring_forward(known->second, delivery.key, delivery.due);
  if (is_full()) make_room(delivery.due);
  if (is_full()) return leave_on_disk(rest_, delivery.due);
  Lane& lane = lane_of(delivery);
  entries_[delivery.key] = {&lane, delivery.due, State::waiting, false, nullptr, 0, std::nullopt};
  wait(lane, delivery.key, delivery.due);
}

// What is under way, or not recorded yet, hears of its new due when that is answered.
void DueQueue::bring_forward(Entry& entry, api::DeliveryKey key, base::SteadyTime due) {
  if (entry.state != State::waiting || entry.due <= due) return;
  Lane& lane = *entry.lane;
  hide(lane);
  take_out(lane, lane.waiting.find({entry.due, key}));
  entry.due = due;
  put_in(lane, {due, key});
  show(lane);
}

DueQueue::Lane& DueQueue::lane_of(const storage::OwedDelivery& delivery) {
  const auto [place, is_new] = lanes_.try_emplace(delivery.endpoint);
  Lane& lane = place->second;
  if (is_new) {
    lane.endpoint = delivery.endpoint;
    settle_at(lane, delivery.origin);
  }
  return lane;
}

void DueQueue::settle_at(Lane& lane, const std::string& origin) {
  Host& host = hosts_[origin];
  host.origin = origin;
  host.lanes.insert(&lane);
  lane.host = &host;
}

void DueQueue::leave_host(Lane& lane) {
  Host& host = *std::exchange(lane.host, nullptr);
  host.lanes.erase(&lane);
  forget_if_unused(host);
}

void DueQueue::forget_if_unused(Host& host) {
  if (host.lanes.empty() && host.under_way == 0) hosts_.erase(hosts_.find(host.origin));
}

// What is under way stays counted where it was begun.
void DueQueue::move(const storage::MovedEndpoint& moved) {
  const auto found = lanes_.find(moved.endpoint);
  if (found == lanes_.end()) return;
  Lane& lane = found->second;
  hide(lane);
  leave_host(lane);
  settle_at(lane, moved.origin);
  ++lane.generation;
  if (lane.circuit.is_open()) news_.push_back({lane.endpoint, std::nullopt});
  lane.circuit.close();
  show(lane);
}

// One that is among the entries already.
void DueQueue::wait(Lane& lane, api::DeliveryKey key, base::SteadyTime due) {
  hide(lane);
  put_in(lane, {due, key});
  if (lane.waiting.size() > limits_.kept_by_endpoint) leave_latest(lane);
  show(lane);
}

void DueQueue::put_in(Lane& lane, const Place& place) {
  lane.waiting.insert(place);
  waiting_.emplace(place, &lane);
  if (lane.waiting.size() == least_cut) large_.insert(&lane);
}

void DueQueue::take_out(Lane& lane, std::set<Place>::const_iterator place) {
  if (lane.waiting.size() == least_cut) large_.erase(&lane);
  waiting_.erase({*place, &lane});
  lane.waiting.erase(place);
}

// Takes half of what the greatest lane has, so that it is not looked for each time. With too many endpoints for that
// it is the latest of all that gives way, if it is later than what comes.
void DueQueue::make_room(base::SteadyTime due) {
  if (!large_.empty()) {
    Lane& lane = **std::max_element(large_.begin(), large_.end(), [](const Lane* a, const Lane* b) {
      return a->waiting.size() < b->waiting.size();
    });
    hide(lane);
    for (std::size_t left = lane.waiting.size() / 2; left > 0; --left) leave_latest(lane);
    return show(lane);
  }
  if (waiting_.empty() || waiting_.rbegin()->first.first <= due) return;
  const auto [latest, owner] = *waiting_.rbegin();
  Lane& lane = *owner;
  hide(lane);
  leave_on_disk(rest_, latest.first);  // and not its lane, so that the lane may go
  entries_.erase(latest.second);
  take_out(lane, std::prev(lane.waiting.end()));
  show(lane);
  forget_if_unused(lane);
}

void DueQueue::leave_latest(Lane& lane) {
  const auto latest = std::prev(lane.waiting.end());
  leave_on_disk(lane, latest->first);
  entries_.erase(latest->second);
  take_out(lane, latest);
}

void DueQueue::leave_on_disk(Lane& lane, base::SteadyTime due) {
  keep_earlier(lane.on_disk, due);
  keep_earlier(lane.left, due);
  on_disk_.insert(&lane);
}

// With half of all places for the first of each lane, and the other half for what lanes have besides. At a host likewise.
std::size_t DueQueue::kept_free(std::size_t held, std::size_t places) const {
  const std::size_t shares = 2 * limits_.under_way_by_endpoint;
  return (held * places + shares - 1) / shares;
}

bool DueQueue::may_begin(std::size_t held) const {
  return under_way_ + kept_free(held, limits_.under_way) < limits_.under_way &&
         unrecorded_ < limits_.unrecorded;
}

bool DueQueue::is_ready(const Lane& lane) const {
  const std::size_t most = lane.circuit.is_open() ? 1 : limits_.under_way_by_endpoint;
  const std::size_t at_host = lane.host->under_way + kept_free(lane.under_way, limits_.under_way_by_host);
  return !lane.waiting.empty() && lane.under_way < most && at_host < limits_.under_way_by_host;
}

base::SteadyTime DueQueue::turn_of(const Lane& lane) const {
  const base::SteadyTime due = lane.waiting.begin()->first;
  const Circuit& circuit = lane.circuit;
  if (!circuit.is_open() || due >= circuit.until()) return due;
  return std::min(circuit.until(), std::max(due, circuit.opened_at()) + limits_.longest_hold);
}

void DueQueue::hide(Lane& lane) {
  if (is_ready(lane)) ready_[lane.under_way].erase({{turn_of(lane), lane.waiting.begin()->second}, &lane});
}

void DueQueue::show(Lane& lane) {
  if (is_ready(lane))
    ready_[lane.under_way].emplace(Place{turn_of(lane), lane.waiting.begin()->second}, &lane);
}

// ---- what is under way

// How much a host has concerns all of its lanes, though few of them at a time.
template <class Change>
void DueQueue::change_held(Lane& lane, Host& host, const Change& change) {
  std::vector<bool> were_ready;
  for (const Lane* other : host.lanes) {
    if (other != &lane) were_ready.push_back(is_ready(*other));
  }
  hide(lane);
  change();
  show(lane);
  auto was_ready = were_ready.begin();
  for (Lane* other : host.lanes) {
    if (other == &lane) continue;
    const bool was = *was_ready++;
    const bool is_now = is_ready(*other);
    if (was == is_now) continue;
    const std::pair<Place, Lane*> place{{turn_of(*other), other->waiting.begin()->second}, other};
    if (is_now) {
      ready_[other->under_way].insert(place);
    } else {
      ready_[other->under_way].erase(place);
    }
  }
}

// The first of a lane goes under way.
void DueQueue::occupy(Lane& lane) {
  Host& host = *lane.host;
  change_held(lane, host, [&] {
    take_out(lane, lane.waiting.begin());
    ++lane.under_way;
    ++host.under_way;
    ++under_way_;
  });
}

void DueQueue::vacate(Lane& lane, Host& host) {
  change_held(lane, host, [&] {
    --lane.under_way;
    --host.under_way;
    --under_way_;
  });
  forget_if_unused(host);
}

std::optional<Turn> DueQueue::take(base::SteadyTime now) {
  for (std::size_t held = 0; held < ready_.size() && may_begin(held); ++held) {
    const auto& lanes = ready_[held];
    if (lanes.empty() || lanes.begin()->first.first > now) continue;
    Lane& lane = *lanes.begin()->second;
    const bool is_open = lane.circuit.is_open();
    const Turn turn{lane.waiting.begin()->second, is_open && lane.circuit.until() > now};
    occupy(lane);
    Entry& entry = entries_[turn.key];
    entry.state = State::under_way;
    entry.is_trial = is_open;
    entry.host = lane.host;
    entry.generation = lane.generation;
    moved_on_ = true;
    return turn;
  }
  return std::nullopt;
}

std::vector<api::DeliveryKey> DueQueue::next_behind(const std::vector<api::DeliveryKey>& taken,
                                                    base::SteadyTime now, std::size_t of_one,
                                                    std::size_t of_all) const {
  std::vector<const Lane*> lanes;
  for (const api::DeliveryKey key : taken) {
    const Lane* const lane = entries_.at(key).lane;
    if (!lane->circuit.is_open() && std::ranges::find(lanes, lane) == lanes.end()) lanes.push_back(lane);
  }
  std::vector<api::DeliveryKey> keys;
  for (const Lane* const lane : lanes) {
    std::size_t left = std::min(of_one, of_all / lanes.size());
    for (auto next = lane->waiting.begin(); next != lane->waiting.end() && next->first <= now; ++next) {
      if (left-- == 0) break;
      keys.push_back(next->second);
    }
  }
  return keys;
}

void DueQueue::judge(api::DeliveryKey key, const AttemptSign& sign, base::SteadyTime now,
                     std::uint64_t random) {
  const Entry& entry = entries_.at(key);
  Lane& lane = *entry.lane;
  if (entry.generation != lane.generation) return;  // it says something of where the endpoint was
  const auto opened_until = [&lane] {
    return lane.circuit.is_open() ? std::optional(lane.circuit.until()) : std::nullopt;
  };
  const auto before = opened_until();
  // A trial that says nothing is followed by another wait all the same.
  if (sign.sign == EndpointSign::none && !(entry.is_trial && before)) return;
  if (sign.sign == EndpointSign::works && !before) return lane.circuit.succeed(entry.is_trial);
  hide(lane);
  if (sign.sign == EndpointSign::works) {
    lane.circuit.succeed(entry.is_trial);
  } else {
    lane.circuit.fail(now, entry.is_trial, sign.asked, limits_.circuit, random);
  }
  show(lane);
  if (opened_until() != before) news_.push_back({lane.endpoint, opened_until()});
}

void DueQueue::release(api::DeliveryKey key) {
  Entry& entry = entries_.at(key);
  assert(entry.state == State::under_way);
  vacate(*entry.lane, *std::exchange(entry.host, nullptr));
  entry.state = State::unrecorded;
  ++entry.lane->unrecorded;
  ++unrecorded_;
  moved_on_ = true;
}

DueQueue::Entry& DueQueue::take_back(api::DeliveryKey key) {
  Entry& entry = entries_.at(key);
  if (entry.state == State::under_way) release(key);
  assert(entry.state == State::unrecorded);
  --entry.lane->unrecorded;
  --unrecorded_;
  moved_on_ = true;
  entry.state = State::waiting;
  return entry;
}

// What was told of as owed again meanwhile may be over none the less: whoever takes it finds out.
void DueQueue::settle(api::DeliveryKey key) {
  Entry& entry = take_back(key);
  if (entry.again) return wait_again(entry, key, *entry.again);
  Lane& lane = *entry.lane;
  entries_.erase(key);
  forget_if_unused(lane);
}

void DueQueue::forget_if_unused(Lane& lane) {
  if (&lane == &rest_ || !lane.waiting.empty() || lane.under_way > 0 || lane.unrecorded > 0 || lane.on_disk)
    return;
  if (lane.circuit.is_open()) news_.push_back({lane.endpoint, std::nullopt});
  leave_host(lane);
  lanes_.erase(lanes_.find(lane.endpoint));
}

void DueQueue::put_off(api::DeliveryKey key, base::SteadyTime due) {
  Entry& entry = take_back(key);
  wait_again(entry, key, entry.again ? std::min(*entry.again, due) : due);
}

void DueQueue::wait_again(Entry& entry, api::DeliveryKey key, base::SteadyTime due) {
  entry.due = due;
  entry.again.reset();
  wait(*entry.lane, key, due);
}

std::optional<base::SteadyTime> DueQueue::next_due() const {
  std::optional<base::SteadyTime> next;
  for (std::size_t held = 0; held < ready_.size() && may_begin(held); ++held) {
    if (!ready_[held].empty()) keep_earlier(next, ready_[held].begin()->first.first);
  }
  return next;
}

}  // namespace longhaul::worker::webhooks
