// Waits until a number of answers of the store have come, and keeps the first error among them.
// Thread-safety: answered() from any thread, wait() from one. Shared, since a late answer may outlive
//   whoever waited.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "storage/store.h"

namespace longhaul::worker {

class Countdown {
 public:
  explicit Countdown(std::size_t expected) : open_(expected) {}

  void answered(std::optional<storage::StoreError> error) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    if (error && !first_error_) first_error_ = std::move(error);
    if (--open_ == 0) all_here_.notify_all();
  }

  [[nodiscard]] std::optional<storage::StoreError> wait() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    while (open_ > 0) all_here_.wait(mutex_);
    return first_error_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar all_here_;
  std::size_t open_ GUARDED_BY(mutex_);
  std::optional<storage::StoreError> first_error_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::worker
