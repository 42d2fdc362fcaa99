// Has the store remove what is past its time (storage/retention.h), one slice after the other, and sleeps
// until something is due again: the store says when, and each task that ends meanwhile may bring that
// forward, and so may a result that is kept for starts to come. While others have changes written, slices are
// small and there is a rest between two, so that starts hardly notice; a round that has taken `gentle_for` so
// far goes on without rests, so that more cannot come to be removed than is. With a limit on the size of the
// database it also looks a second after something was written. With nothing written and nothing due it
// neither wakes up nor asks the store.
//
// A round begins `round_rest` after the one before at the earliest, so that tasks that come due one after the
// other go together. A task that owes a delivery is looked at by every round, and there may be very many:
// after a round that held any back it rests `held_back_share` times as long as the round took, whatever is
// due.
//
// A slice that cannot be written (a full disk) is tried again after a rest. Tasks that were held back for a
// delivery are looked at again after `held_back_rest`, unless something else is due before.
//
// Thread-safety: every public method from any thread. Register it as an observer of the store before that
// starts; start it after the store, stop it before.
#pragma once

#include <chrono>
#include <memory>

#include "base/clock.h"
#include "base/service.h"
#include "storage/store.h"

namespace longhaul::worker {

struct RetentionOptions {
  storage::Store* store = nullptr;  // not owned
  storage::RetentionLimits limits;
  const base::Clock* clock = nullptr;  // not owned
  bool system_timers = true;           // off, for tests: only clock_changed() makes it look at the clock
};

class RetentionService : public base::Service, public storage::StoreObserver {
 public:
  static constexpr std::chrono::milliseconds gentle_rest{4};
  static constexpr std::chrono::minutes gentle_for{10};
  static constexpr std::chrono::milliseconds others_are_seen_for{100};
  static constexpr std::chrono::seconds size_rest{1};
  static constexpr std::chrono::seconds round_rest{1};
  static constexpr int held_back_share = 10;
  static constexpr std::chrono::minutes held_back_rest{5};

  // Other limits from the next slice on, and then a round by them, without a rest before.
  virtual void set_limits(const storage::RetentionLimits& limits) = 0;

  // For tests with a clock of their own: it has been moved.
  virtual void clock_changed() = 0;
};

[[nodiscard]] std::unique_ptr<RetentionService> make_retention(RetentionOptions options);

}  // namespace longhaul::worker
