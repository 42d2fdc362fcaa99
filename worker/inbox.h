// What the dispatcher's thread is told, in order. The store's answers and the executors' reports come in
// here, so that one thread alone decides, and so that an answer that comes after the dispatcher has gone
// falls on a closed inbox and not on freed memory: those who may call late share its ownership.
//
// It has no limit of its own and needs none: changes and answers come at the pace of the writer's commits, a
// few of which fit into one turn of the dispatcher, and reports are at most one for each running attempt.
//
// Thread-safety: push() and close() from any thread; take() and the alarm's waiting from the dispatcher's own.
#pragma once

#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "storage/store.h"
#include "worker/alarm.h"
#include "worker/executor.h"
#include "worker/ready_queue.h"

namespace longhaul::worker {

// Committed changes of the store.
struct Committed {
  std::vector<storage::TaskChange> changes;
};
// The answer to a claim.
struct ClaimAnswered {
  std::vector<ReadyQueue::Taken> orders;
  storage::StoreResult<storage::ClaimOutcome> outcome;
};
// An executor has done with an attempt.
struct AttemptReported {
  AttemptReport report;
};
// The end of an attempt could not be written, or was refused (no error). One that was applied comes as a
// change.
struct EndNotApplied {
  api::TaskKey key;
  api::AttemptToken token;
  std::optional<storage::StoreError> error;
};
// The order to stop an attempt that ran out of time could not be written, or was refused (no error).
struct StopNotApplied {
  api::TaskKey key;
  api::AttemptToken token;
  std::optional<storage::StoreError> error;
};
struct SweepAnswered {
  storage::StoreResult<storage::SweepOutcome> outcome;
};
struct RefillAnswered {
  storage::ReadyOrder order;
  storage::StoreResult<std::vector<storage::ReadyTask>> loaded;
};
struct ClockChanged {};
struct TypesChanged {
  TaskTypesPtr types;
};
struct DrainAsked {
  std::function<void()> drained;
};
struct StopAsked {};

using Message =
    std::variant<Committed, ClaimAnswered, AttemptReported, EndNotApplied, StopNotApplied, SweepAnswered,
                 RefillAnswered, ClockChanged, TypesChanged, DrainAsked, StopAsked>;

class Inbox {
 public:
  [[nodiscard]] base::Result<void> open(bool system_timers) { return alarm_.open(system_timers); }

  void push(Message message) EXCLUDES(mutex_) {
    bool asleep = false;
    {
      base::MutexLock lock(mutex_);
      if (closed_) return;
      messages_.push_back(std::move(message));
      asleep = std::exchange(asleep_, false);
    }
    if (asleep) alarm_.ring();
  }

  // Everything that has come in, into `taken`, which is empty. When it stays empty the next push rings the
  // alarm.
  void take(std::vector<Message>& taken) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    taken.swap(messages_);
    asleep_ = taken.empty();
  }

  // From here on everything is dropped.
  void close() EXCLUDES(mutex_) {
    std::vector<Message> dropped;
    base::MutexLock lock(mutex_);
    closed_ = true;
    dropped.swap(messages_);
  }

  [[nodiscard]] Alarm& alarm() { return alarm_; }

 private:
  Alarm alarm_;
  base::Mutex mutex_;
  std::vector<Message> messages_ GUARDED_BY(mutex_);
  bool asleep_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace longhaul::worker
