// How many tasks are not final, counting those whose start is on its way to the disk, against the most that
// are allowed. Follows the store's commits; register it as an observer.
//
// Thread-safety: all methods from any thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/mutex.h"
#include "storage/store.h"

namespace longhaul::server {

class OpenTasks final : public storage::StoreObserver {
 public:
  explicit OpenTasks(std::int64_t max) : max_(max) {}

  // What the store held when it started; before the first change.
  void begin_with(const storage::StateCounts& counts) EXCLUDES(mutex_);

  // Room for one more: true takes it, and release() gives it back once the start was answered (a created task
  // is counted by its commit from then on).
  [[nodiscard]] bool try_reserve() EXCLUDES(mutex_);
  void release() EXCLUDES(mutex_);

  void on_committed(std::span<const storage::TaskChange> changes) override EXCLUDES(mutex_);

  [[nodiscard]] std::int64_t max() const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    return max_;
  }
  // Those that are open stay, even where they are more.
  void set_max(std::int64_t max) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    max_ = max;
  }

 private:
  mutable base::Mutex mutex_;
  std::int64_t max_ GUARDED_BY(mutex_);
  std::int64_t open_ GUARDED_BY(mutex_) = 0;
  std::int64_t reserved_ GUARDED_BY(mutex_) = 0;
};

}  // namespace longhaul::server
