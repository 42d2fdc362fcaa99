#include "worker/ready_queue.h"

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

namespace longhaul::worker {

using storage::ReadyTask;

bool claimed_before(const ReadyTask& a, const ReadyTask& b) {
  return std::tuple(-a.priority, a.run_at, a.key) < std::tuple(-b.priority, b.run_at, b.key);
}

namespace {

bool same_place(const ReadyTask& a, const ReadyTask& b) {
  return !claimed_before(a, b) && !claimed_before(b, a);
}

bool same_place(const std::optional<ReadyTask>& a, const std::optional<ReadyTask>& b) {
  if (!a || !b) return !a && !b;
  return same_place(*a, *b);
}

// Whether the lane would know this task if it were queued.
template <class Lane>
bool is_known(const Lane& lane, const ReadyTask& task) {
  if (!lane.more_on_disk) return true;
  return lane.horizon && !claimed_before(*lane.horizon, task);
}

}  // namespace

ReadyQueue::ReadyQueue(Options options)
    : options_{std::max<std::size_t>(1, options.lane_capacity),
               std::min(options.low_water, std::max<std::size_t>(1, options.lane_capacity)),
               options.changes_during_refill} {}

ReadyQueue::Lane* ReadyQueue::find_lane(std::string_view queue, std::string_view type) {
  const auto lanes = queues_.find(queue);
  if (lanes == queues_.end()) return nullptr;
  const auto lane = lanes->second.find(type);
  return lane == lanes->second.end() ? nullptr : &lane->second;
}

void ReadyQueue::add_lane_on_disk(const std::string& queue, const std::string& type) {
  Lane& lane = queues_[queue][type];
  lane.more_on_disk = true;
  ask_for_refill({queue, type}, lane);
}

TaskTypePtr ReadyQueue::type_of_taken(api::TaskKey key) const {
  const auto slip = taken_.find(key);
  return slip == taken_.end() ? nullptr : slip->second.taken.type;
}

void ReadyQueue::insert(const std::string& queue, const std::string& type, const ReadyTask& task) {
  const auto slip = taken_.find(task.key);
  if (slip != taken_.end()) {  // a claim of it is on its way and may still find it
    slip->second.taken.task = task;
    slip->second.queued = true;
    return;
  }
  place({queue, type}, task);
}

void ReadyQueue::remove(const std::string& queue, const std::string& type, const ReadyTask& task) {
  const auto slip = taken_.find(task.key);
  if (slip != taken_.end()) {
    slip->second.queued = false;
    return;
  }
  Lane* lane = find_lane(queue, type);
  if (lane == nullptr) return;
  if (!is_known(*lane, task)) {
    note_change(*lane, task.key, std::nullopt);
    return;
  }
  const auto at = std::lower_bound(lane->tasks.begin(), lane->tasks.end(), task, claimed_before);
  if (at == lane->tasks.end() || at->key != task.key) return;
  lane->tasks.erase(at);
  ask_for_refill({queue, type}, *lane);
  drop_if_empty({queue, type});
}

// Puts a queued task where it belongs: into the lane, or behind its horizon.
void ReadyQueue::place(const LaneName& name, const ReadyTask& task) {
  Lane& lane = queues_[name.queue][name.type];
  if (!is_known(lane, task)) {
    note_change(lane, task.key, task);
    ask_for_refill(name, lane);
    return;
  }
  // Mostly the new one is the last one; a deque then moves nothing.
  const auto at = std::lower_bound(lane.tasks.begin(), lane.tasks.end(), task, claimed_before);
  if (at != lane.tasks.end() && at->key == task.key) return;
  lane.tasks.insert(at, task);
  trim(lane);
}

void ReadyQueue::note_change(Lane& lane, api::TaskKey key, std::optional<ReadyTask> now) const {
  if (!lane.refill_in_flight || lane.refill_void) return;  // nobody will miss it: it is read from disk later
  if (lane.changed.size() >= options_.changes_during_refill) {
    lane.refill_void = true;
    lane.changed.clear();
    return;
  }
  lane.changed.insert_or_assign(key, now);
}

void ReadyQueue::trim(Lane& lane) const {
  if (lane.tasks.size() <= options_.lane_capacity) return;
  while (lane.tasks.size() > options_.lane_capacity) lane.tasks.pop_back();
  lane.more_on_disk = true;
  lane.horizon = lane.tasks.back();
}

void ReadyQueue::ask_for_refill(const LaneName& name, Lane& lane) {
  if (!lane.more_on_disk || lane.refill_wanted || lane.refill_in_flight) return;
  if (lane.tasks.size() >= options_.low_water) return;
  lane.refill_wanted = true;
  hungry_.push_back(name);
}

void ReadyQueue::drop_if_empty(const LaneName& name) {
  const auto lanes = queues_.find(name.queue);
  if (lanes == queues_.end()) return;
  const auto lane = lanes->second.find(name.type);
  if (lane == lanes->second.end()) return;
  const Lane& it = lane->second;
  if (!it.tasks.empty() || it.more_on_disk || it.refill_wanted || it.refill_in_flight) return;
  lanes->second.erase(lane);
  if (lanes->second.empty()) queues_.erase(lanes);
}

// The lane whose next task is the best one of the queue. When that task is still on disk, the lane has no
// tasks: whoever is better than the horizon may go, everybody else waits for the refill.
ReadyQueue::Choice ReadyQueue::best_lane(Lanes& lanes, const Capacity& capacity) {
  Choice best;
  const ReadyTask* best_next = nullptr;
  for (auto& [name, lane] : lanes) {
    if (lane.tasks.empty() && !lane.more_on_disk) continue;
    TaskTypePtr type = capacity.served_type(name);
    if (type == nullptr || !capacity.type_has_room(*type)) continue;
    if (lane.tasks.empty() && !lane.horizon) return {std::move(type), &lane};  // could be anything
    const ReadyTask* next = lane.tasks.empty() ? &*lane.horizon : &lane.tasks.front();
    if (best_next == nullptr || claimed_before(*next, *best_next)) {
      best = {std::move(type), &lane};
      best_next = next;
    }
  }
  return best;
}

std::optional<ReadyQueue::Taken> ReadyQueue::take(const Capacity& capacity) {
  if (!capacity.has_room()) return std::nullopt;
  auto at = queues_.upper_bound(served_last_);
  for (std::size_t tried = 0; tried < queues_.size(); ++tried, ++at) {
    if (at == queues_.end()) at = queues_.begin();
    if (!capacity.queue_has_room(at->first)) continue;
    const auto [type, lane] = best_lane(at->second, capacity);
    if (lane == nullptr || lane->tasks.empty()) continue;

    const LaneName name{at->first, type->name};
    Taken taken{at->first, type, lane->tasks.front()};
    lane->tasks.pop_front();
    taken_.emplace(taken.task.key, Slip{taken, std::nullopt});
    served_last_ = taken.queue;
    ask_for_refill(name, *lane);
    drop_if_empty(name);
    return taken;
  }
  return std::nullopt;
}

void ReadyQueue::settle(api::TaskKey key, Answer answer) {
  auto node = taken_.extract(key);
  if (node.empty()) return;
  const Slip& slip = node.mapped();
  if (answer == Answer::claimed || !slip.queued.value_or(answer == Answer::failed)) return;
  place({slip.taken.queue, slip.taken.type->name}, slip.taken.task);
}

std::vector<storage::ReadyOrder> ReadyQueue::take_refills() {
  std::vector<storage::ReadyOrder> orders;
  for (const LaneName& name : std::exchange(hungry_, {})) {
    Lane* lane = find_lane(name.queue, name.type);
    assert(lane != nullptr && lane->refill_wanted && !lane->refill_in_flight);
    lane->refill_wanted = false;
    lane->refill_in_flight = true;
    lane->refill_void = false;
    lane->changed.clear();
    const std::size_t limit =
        options_.lane_capacity - std::min(lane->tasks.size(), options_.lane_capacity - 1);
    orders.push_back({name.queue, name.type, lane->horizon, limit});
  }
  return orders;
}

void ReadyQueue::refilled(const storage::ReadyOrder& order, const std::vector<ReadyTask>& loaded) {
  Lane* lane = find_lane(order.queue, order.type);
  assert(lane != nullptr && lane->refill_in_flight);
  lane->refill_in_flight = false;
  const auto changed = std::exchange(lane->changed, {});
  // Better tasks may have pushed the horizon forward meanwhile; then there is a gap before what was read.
  if (!lane->refill_void && same_place(lane->horizon, order.after)) {
    for (const ReadyTask& task : loaded) {
      if (!changed.contains(task.key) && !taken_.contains(task.key)) lane->tasks.push_back(task);
    }
    if (loaded.size() < order.limit) {
      lane->more_on_disk = false;
      lane->horizon.reset();
    } else {
      lane->horizon = loaded.back();
    }
    for (const auto& [key, now] : changed) {
      if (now && !taken_.contains(key)) place({order.queue, order.type}, *now);
    }
    trim(*lane);
  }
  ask_for_refill({order.queue, order.type}, *lane);
  drop_if_empty({order.queue, order.type});
}

void ReadyQueue::refill_failed(const storage::ReadyOrder& order) {
  Lane* lane = find_lane(order.queue, order.type);
  assert(lane != nullptr && lane->refill_in_flight);
  lane->refill_in_flight = false;
  lane->changed.clear();
  ask_for_refill({order.queue, order.type}, *lane);
}

ReadyQueue::Ahead ReadyQueue::count_ahead(std::string_view queue, const ReadyTask& task,
                                          const Capacity& capacity, std::size_t limit) const {
  Ahead ahead;
  const auto lanes = queues_.find(queue);
  if (lanes == queues_.end()) return ahead;
  for (const auto& [name, lane] : lanes->second) {
    if (capacity.served_type(name) == nullptr) continue;
    const auto at = std::lower_bound(lane.tasks.begin(), lane.tasks.end(), task, claimed_before);
    ahead.count += static_cast<std::size_t>(at - lane.tasks.begin());
    if (!is_known(lane, task)) ahead.exact = false;
    if (ahead.count >= limit) return {limit, false};
  }
  return ahead;
}

std::size_t ReadyQueue::lane_count() const {
  std::size_t count = 0;
  for (const auto& [name, lanes] : queues_) count += lanes.size();
  return count;
}

std::size_t ReadyQueue::size() const {
  std::size_t count = 0;
  for (const auto& [name, lanes] : queues_) {
    for (const auto& [type, lane] : lanes) count += lane.tasks.size();
  }
  return count;
}

}  // namespace longhaul::worker
