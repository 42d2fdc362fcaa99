// The log lines of tasks, from committed changes: at info those that failed or timed out, some a second at most;
// at debug every change. Ids, names, numbers and codes; never what a task was given or what it said.
//
// Thread-safety: observer calls on the store's writer thread.
#pragma once

#include <span>

#include "base/clock.h"
#include "base/log_throttle.h"
#include "storage/store.h"

namespace longhaul::server {

class TaskLog final : public storage::StoreObserver {
 public:
  // The clock must outlive it.
  explicit TaskLog(const base::Clock& clock) : clock_(clock) {}
  void on_committed(std::span<const storage::TaskChange> changes) override;

 private:
  void write_change(const storage::TaskChange& change) const;
  void write_end(const api::TaskSnapshot& task);

  const base::Clock& clock_;
  base::LogThrottle ends_{20};
};

}  // namespace longhaul::server
