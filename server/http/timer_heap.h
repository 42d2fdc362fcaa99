// Timers in order of their time: adding, cancelling and taking cost O(log n), and a cancelled timer leaves
// nothing behind, so that waits which mostly end early do not pile up. No clock of its own. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace longhaul::server {

class TimerHeap {
 public:
  using Id = std::uint64_t;  // never 0, never used twice

  Id add(base::BootTime when, std::function<void()> work);
  // Does nothing for a timer that has been taken or cancelled.
  void cancel(Id id);

  [[nodiscard]] std::optional<base::BootTime> next() const;
  // Removes the earliest timer that is due, the one added first among equals; an empty function when none is.
  [[nodiscard]] std::function<void()> take_due(base::BootTime now);
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  using SlotIndex = std::uint32_t;
  struct Slot {
    base::BootTime when;
    std::uint64_t order = 0;
    std::uint32_t generation = 0;
    bool used = false;
    std::size_t position = 0;  // in heap_
    std::function<void()> work;
  };
  [[nodiscard]] bool is_before(SlotIndex left, SlotIndex right) const;
  void place(std::size_t position, SlotIndex slot);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  std::function<void()> remove_at(std::size_t position);

  std::vector<Slot> slots_;
  std::vector<SlotIndex> free_;
  std::vector<SlotIndex> heap_;
  std::uint64_t last_order_ = 0;
};

}  // namespace longhaul::server
