// The task types and queue limits that are in force now, for those who look at them again each time. A change
// takes the place of the whole, so that nobody sees half of one.
//
// Thread-safety: all methods from any thread.
#pragma once

#include <memory>
#include <utility>

#include "base/mutex.h"
#include "worker/task_type.h"

namespace longhaul::worker {

class TaskCatalog {
 public:
  explicit TaskCatalog(TaskTypes types) : current_(std::make_shared<const TaskTypes>(std::move(types))) {}

  [[nodiscard]] TaskTypesPtr current() const EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    return current_;
  }
  void replace(TaskTypesPtr types) EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    current_.swap(types);  // the old one goes outside the lock
  }

 private:
  mutable base::Mutex mutex_;
  TaskTypesPtr current_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::worker
