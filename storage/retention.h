// Removal of what is past its time: finished tasks with all that belongs to them, by age or because the
// database is too big, the idempotency keys that outlived them, and results kept for starts to come (by the
// terms of result_cache.h). Part of the store; every engine has it.
//
// It goes in rounds, and a round in slices, each a transaction of its own and short enough for others not to
// notice: shorter still while there is other work. The caller asks for one slice after the other, as long as
// the outcome says where to go on; with that it waits until something is due again.
//
// A removed task is unknown from then on: to reads, to cancels, and to the memory of the store. Of a log that
// is longer than a slice, lines go first (it is marked as cut meanwhile); all else of a task goes in one
// transaction. Its idempotency key stays for `key_stays`, so that a repeated start is told that its task is
// gone. A task that owes a delivery is kept until that is settled.
//
// Ages are on the wall clock, as finished_at is. Thread-safety, errors, callbacks: as storage/store.h says.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "storage/store_types.h"

namespace longhaul::storage {

inline constexpr std::array final_states = {TaskState::succeeded, TaskState::failed, TaskState::cancelled,
                                            TaskState::timed_out};

// How long a key outlives its task.
inline constexpr Milliseconds key_stays = std::chrono::hours(24);

struct RetentionLimits {
  // By the places in final_states: how long a task is kept after its end. None: for good.
  std::array<std::optional<Milliseconds>, final_states.size()> keep;
  // Of the database; what ended first goes first. None: however big it gets.
  std::optional<std::int64_t> max_bytes;
};

// Where a round goes on; only the store looks into it.
struct PurgePosition {
  WallTime round;  // when it began: what is past its time is judged by that
  std::size_t stage = 0;
  WallTime after_finished{WallTime::min()};  // within the stage: behind this task
  TaskKey after_key{0};
};

struct PurgeOrder {
  RetentionLimits limits;
  std::optional<PurgePosition> position;  // none: a new round
  bool gently = false;                    // others are at work: a small slice
};

struct PurgeOutcome {
  std::int64_t tasks = 0;                   // removed by this slice
  std::int64_t keys = 0;                    // idempotency keys
  std::int64_t results = 0;                 // kept for starts to come (result_cache.h)
  std::int64_t held_back = 0;               // tasks past their time, kept for a delivery that they owe
  std::optional<PurgePosition> position;    // there is more: ask again with it
  std::optional<WallTime> next;             // the round is over: when the next thing will be past its time
  std::optional<SteadyTime> next_expiry{};  // and when the next of the kept results will
};

class Retention {
 public:
  virtual ~Retention() = default;
  // One slice.
  virtual void purge(PurgeOrder order, Done<PurgeOutcome> done) = 0;
};

}  // namespace longhaul::storage
