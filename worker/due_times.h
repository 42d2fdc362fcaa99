// When the store's next piece of due work falls due (a start, a deadline, an expiry), on both timelines: the
// least of what the last sweep told and of every change since. It may be too early, when the task it was
// noted for has ended; it is never too late.
//
// Not thread-safe, no clock.
#pragma once

#include <optional>

#include "api/task.h"
#include "storage/store.h"

namespace longhaul::worker {

class DueTimes {
 public:
  // A committed change, in commit order.
  void note(const api::TaskSnapshot& task);

  // A sweep was ordered. Its answer does not know of what is committed behind it in the same transaction, so
  // what is noted from here on is kept beside it.
  void sweep_ordered();
  void swept(const storage::SweepOutcome& outcome);

  [[nodiscard]] bool is_due(const storage::Now& now) const;
  [[nodiscard]] std::optional<base::WallTime> next_wall() const { return next_.wall; }
  [[nodiscard]] std::optional<base::SteadyTime> next_steady() const { return next_.steady; }

 private:
  struct Times {
    std::optional<base::WallTime> wall;
    std::optional<base::SteadyTime> steady;
    void note(const api::Due& due);
    void merge(const Times& other);
  };
  void note(const std::optional<api::Due>& due);

  Times next_;
  Times since_order_;
};

}  // namespace longhaul::worker
