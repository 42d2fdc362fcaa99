// Keeps a chatty task from writing its progress many times a second: once progress was taken to be written,
// the task rests, and of what it says meanwhile the newest is held, to be written when the rest is over or
// with the end of the attempt.
//
// Not thread-safe: the write queue's own. Bounded by the tasks that run.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "storage/store_types.h"

namespace longhaul::storage {

class ProgressPace {
 public:
  using Clock = std::chrono::steady_clock;
  struct Held {
    TaskKey key;
    AttemptToken token;
    api::Progress progress;
  };

  explicit ProgressPace(Clock::duration rest) : rest_(rest) {}

  // Does the task rest? Then it is kept, in the place of an earlier one, and moved from.
  [[nodiscard]] bool hold(TaskKey key, AttemptToken token, api::Progress& progress);
  // Progress of the task is being written: its rest begins.
  void begin_rest(TaskKey key, Clock::time_point now);
  // Its attempt ends: so does its rest. What is held.
  [[nodiscard]] std::optional<Held> end_rest(TaskKey key);
  // What is held of the tasks whose rest is over.
  [[nodiscard]] std::vector<Held> end_rests(Clock::time_point now);
  // When the next rest is over. Nothing: nobody rests.
  [[nodiscard]] std::optional<Clock::time_point> next_end() const;

 private:
  struct Rest {
    Clock::time_point until;
    std::optional<Held> held;
  };
  const Clock::duration rest_;
  std::unordered_map<TaskKey, Rest> rests_;
  // In the order of their ends; may name some that ended before.
  std::deque<std::pair<Clock::time_point, TaskKey>> ends_;
};

}  // namespace longhaul::storage
