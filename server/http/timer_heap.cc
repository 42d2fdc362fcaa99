#include "server/http/timer_heap.h"

#include <utility>

namespace longhaul::server {

TimerHeap::Id TimerHeap::add(base::BootTime when, std::function<void()> work) {
  if (free_.empty()) {
    free_.push_back(static_cast<SlotIndex>(slots_.size()));
    slots_.emplace_back();
  }
  const SlotIndex index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.when = when;
  slot.order = ++last_order_;
  slot.used = true;
  slot.work = std::move(work);
  heap_.push_back(index);
  place(heap_.size() - 1, index);
  sift_up(heap_.size() - 1);
  return (static_cast<Id>(slot.generation) << 32 | index) + 1;
}

void TimerHeap::cancel(Id id) {
  if (id == 0) return;
  const auto index = static_cast<SlotIndex>((id - 1) & 0xffffffff);
  const auto generation = static_cast<std::uint32_t>((id - 1) >> 32);
  if (index >= slots_.size()) return;
  const Slot& slot = slots_[index];
  if (slot.used && slot.generation == generation) remove_at(slot.position);
}

std::optional<base::BootTime> TimerHeap::next() const {
  if (heap_.empty()) return std::nullopt;
  return slots_[heap_.front()].when;
}

std::function<void()> TimerHeap::take_due(base::BootTime now) {
  if (heap_.empty() || slots_[heap_.front()].when > now) return {};
  return remove_at(0);
}

bool TimerHeap::is_before(SlotIndex left, SlotIndex right) const {
  const Slot& a = slots_[left];
  const Slot& b = slots_[right];
  return a.when != b.when ? a.when < b.when : a.order < b.order;
}

void TimerHeap::place(std::size_t position, SlotIndex slot) {
  heap_[position] = slot;
  slots_[slot].position = position;
}

void TimerHeap::sift_up(std::size_t position) {
  const SlotIndex moving = heap_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!is_before(moving, heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, moving);
}

void TimerHeap::sift_down(std::size_t position) {
  const SlotIndex moving = heap_[position];
  for (;;) {
    std::size_t child = position * 2 + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && is_before(heap_[child + 1], heap_[child])) ++child;
    if (!is_before(heap_[child], moving)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, moving);
}

std::function<void()> TimerHeap::remove_at(std::size_t position) {
  const SlotIndex removed = heap_[position];
  const SlotIndex last = heap_.back();
  heap_.pop_back();
  if (removed != last) {
    place(position, last);
    sift_up(position);
    sift_down(slots_[last].position);
  }
  Slot& slot = slots_[removed];
  slot.used = false;
  ++slot.generation;
  free_.push_back(removed);
  return std::exchange(slot.work, nullptr);
}

}  // namespace longhaul::server
