#include "worker/webhooks/due_queue.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace longhaul::worker::webhooks {
namespace {

// A lane with less than this is not worth being cut for the sake of another: looking for it costs more.
constexpr std::size_t least_cut = 16;

void keep_earlier(std::optional<base::SteadyTime>& kept, base::SteadyTime other) {
  if (!kept || other < *kept) kept = other;
}

}  // namespace

DueQueue::DueQueue(Limits limits) : limits_(limits), ready_(limits.under_way_by_origin) {}

// ---- what waits

void DueQueue::add(const storage::OwedDelivery& delivery) {
  if (entries_.contains(delivery.key)) return;
  if (is_full()) make_room(delivery.due);
  if (is_full()) return leave_on_disk(rest_, delivery.due);
  Lane& lane = lanes_[delivery.origin];
  lane.origin = delivery.origin;
  entries_[delivery.key] = {&lane, delivery.due, false};
  wait(lane, delivery.key, delivery.due);
}

// One that is among the entries already.
void DueQueue::wait(Lane& lane, api::DeliveryKey key, base::SteadyTime due) {
  hide(lane);
  put_in(lane, {due, key});
  if (lane.waiting.size() > limits_.kept_by_origin) leave_latest(lane);
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

// Takes half of what the greatest lane has, so that it is not looked for each time. With too many origins for that
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

void DueQueue::hide(Lane& lane) {
  if (lane.under_way < limits_.under_way_by_origin && !lane.waiting.empty())
    ready_[lane.under_way].erase({*lane.waiting.begin(), &lane});
}

void DueQueue::show(Lane& lane) {
  if (lane.under_way < limits_.under_way_by_origin && !lane.waiting.empty())
    ready_[lane.under_way].emplace(*lane.waiting.begin(), &lane);
}

// ---- what is under way

// With half of all places for the first of each lane, and the other half for what lanes have besides.
bool DueQueue::may_begin(std::size_t held) const {
  const std::size_t kept_free = held * limits_.under_way / (2 * limits_.under_way_by_origin);
  return under_way_ + kept_free < limits_.under_way;
}

std::optional<api::DeliveryKey> DueQueue::take(base::SteadyTime now) {
  for (std::size_t held = 0; held < ready_.size() && may_begin(held); ++held) {
    const auto& lanes = ready_[held];
    if (lanes.empty() || lanes.begin()->first.first > now) continue;
    Lane& lane = *lanes.begin()->second;
    hide(lane);
    const api::DeliveryKey key = lane.waiting.begin()->second;
    take_out(lane, lane.waiting.begin());
    ++lane.under_way;
    ++under_way_;
    show(lane);
    entries_[key].under_way = true;
    moved_on_ = true;
    return key;
  }
  return std::nullopt;
}

DueQueue::Entry& DueQueue::begun(api::DeliveryKey key) {
  const auto found = entries_.find(key);
  assert(found != entries_.end() && found->second.under_way);
  Lane& lane = *found->second.lane;
  hide(lane);
  --lane.under_way;
  --under_way_;
  show(lane);
  found->second.under_way = false;
  moved_on_ = true;
  return found->second;
}

void DueQueue::settle(api::DeliveryKey key) {
  const Lane& lane = *begun(key).lane;
  entries_.erase(key);
  forget_if_unused(lane);
}

void DueQueue::forget_if_unused(const Lane& lane) {
  if (lane.waiting.empty() && lane.under_way == 0 && !lane.on_disk && &lane != &rest_)
    lanes_.erase(lanes_.find(lane.origin));
}

void DueQueue::put_off(api::DeliveryKey key, base::SteadyTime due) {
  Entry& entry = begun(key);
  entry.due = due;
  wait(*entry.lane, key, due);
}

std::optional<base::SteadyTime> DueQueue::next_due() const {
  std::optional<base::SteadyTime> next;
  for (std::size_t held = 0; held < ready_.size() && may_begin(held); ++held) {
    if (!ready_[held].empty()) keep_earlier(next, ready_[held].begin()->first.first);
  }
  return next;
}

// ---- what is on disk

// A lane is filled up when little is left of what comes before that which is on disk, not one by one. Little is a
// quarter of its share of memory, which is less than a cut leaves it: else those that are cut would be read again
// at once, only to be cut again.
bool DueQueue::wants_reading(const Lane& lane) const {
  if (&lane == &rest_) return rest_wants_reading();
  const std::size_t little = std::min(limits_.kept_by_origin, limits_.kept / lanes_.size()) / 4;
  if (lane.waiting.size() <= little) return true;
  return std::next(lane.waiting.begin(), static_cast<std::ptrdiff_t>(little))->first > *lane.on_disk;
}

// Also when what is in memory and might begin comes later, so that places would stay empty. With memory full of what
// is earlier but may not begin, reading again and again would change nothing before something moves on.
bool DueQueue::rest_wants_reading() const {
  if (entries_.size() <= limits_.kept / 2) return true;
  if (!may_begin(0) || (!moved_on_ && *rest_.on_disk <= read_until_)) return false;
  const auto next = next_due();
  return (!next || *next > *rest_.on_disk) && !waiting_.empty() &&
         waiting_.rbegin()->first.first > *rest_.on_disk;
}

std::optional<base::SteadyTime> DueQueue::next_reading() const {
  if (reading_ != Reading::none) return base::SteadyTime::min();
  std::optional<base::SteadyTime> next;
  for (const Lane* lane : on_disk_) {
    if (wants_reading(*lane)) keep_earlier(next, *lane->on_disk);
  }
  return next;
}

void DueQueue::read_all_again() {
  reading_ = Reading::of_all;
  cursor_.reset();
}

void DueQueue::read(const std::vector<storage::OwedDelivery>& page, bool last, base::SteadyTime now) {
  if (!cursor_) {
    for (Lane* lane : on_disk_) lane->left.reset();
  }
  if (reading_ == Reading::none) reading_ = Reading::of_lanes;
  for (const storage::OwedDelivery& delivery : page) add(delivery);
  if (last || page.empty()) return end_reading(std::nullopt, now);
  cursor_ = page.back();
  if (reading_ == Reading::of_all) return;
  const bool wanted = std::any_of(on_disk_.begin(), on_disk_.end(), [this, now](const Lane* lane) {
    return *lane->on_disk <= now && wants_reading(*lane);
  });
  if (!wanted || cursor_->due > now) end_reading(cursor_->due, now);
}

// Of what is due by `up_to` (nothing: of all) this reading has seen everything, and noted what it left.
void DueQueue::end_reading(std::optional<base::SteadyTime> up_to, base::SteadyTime now) {
  reading_ = Reading::none;
  cursor_.reset();
  moved_on_ = false;
  read_until_ = now;
  for (auto next = on_disk_.begin(); next != on_disk_.end();) {
    Lane& lane = **next;
    if (up_to) {
      // What lies behind may be earlier than what was left: that may have been put off meanwhile.
      lane.on_disk = std::max(*lane.on_disk, *up_to);
      if (lane.left) keep_earlier(lane.on_disk, *lane.left);
    } else {
      lane.on_disk = lane.left;
    }
    if (lane.on_disk) {
      ++next;
    } else {
      next = on_disk_.erase(next);
      forget_if_unused(lane);
    }
  }
}

}  // namespace longhaul::worker::webhooks
