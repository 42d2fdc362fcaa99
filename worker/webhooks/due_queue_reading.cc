// What the due queue knows of the outbox on disk: when it is to be read, and what a reading has seen.
#include <algorithm>
#include <iterator>

#include "worker/webhooks/due_queue.h"

namespace longhaul::worker::webhooks {

// A lane is filled up when little is left of what comes before that which is on disk, not one by one. Little is a
// quarter of its share of memory, which is less than a cut leaves it: else those that are cut would be read again
// at once, only to be cut again.
bool DueQueue::wants_reading(const Lane& lane) const {
  if (&lane == &rest_) return rest_wants_reading();
  const std::size_t little = std::min(limits_.kept_by_endpoint, limits_.kept / lanes_.size()) / 4;
  if (lane.waiting.size() <= little) return true;
  if (lane.waiting.rbegin()->first <= *lane.on_disk) return false;  // mostly: it need not be counted
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
  for (const storage::OwedDelivery& delivery : page) keep(delivery);
  if (last || page.empty()) {
    has_seen_all();
    return end_reading(now);
  }
  cursor_ = page.back();
  has_seen_up_to(cursor_->due);
  if (reading_ == Reading::of_all) return;
  const bool wanted = std::any_of(on_disk_.begin(), on_disk_.end(), [this, now](const Lane* lane) {
    return *lane->on_disk <= now && wants_reading(*lane);
  });
  if (!wanted || cursor_->due > now) end_reading(now);
}

// Of what is due by then this reading has seen everything, and noted what it left. What lies behind may be earlier than
// what was left: that may have been put off meanwhile.
void DueQueue::has_seen_up_to(base::SteadyTime due) {
  for (Lane* lane : on_disk_) {
    lane->on_disk = std::max(*lane->on_disk, due);
    if (lane->left) keep_earlier(lane->on_disk, *lane->left);
  }
}

void DueQueue::has_seen_all() {
  for (auto next = on_disk_.begin(); next != on_disk_.end();) {
    Lane& lane = **next;
    lane.on_disk = lane.left;
    if (lane.on_disk) {
      ++next;
    } else {
      next = on_disk_.erase(next);
      forget_if_unused(lane);
    }
  }
}

void DueQueue::end_reading(base::SteadyTime now) {
  reading_ = Reading::none;
  cursor_.reset();
  moved_on_ = false;
  read_until_ = now;
}

}  // namespace longhaul::worker::webhooks
