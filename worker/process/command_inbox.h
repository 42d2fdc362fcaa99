// What the command-io thread is told by others, in order of coming. Bounded by its users: the dispatcher
// begins no more attempts than the executor's capacity, and stops none it has not begun.
//
// Thread-safety: take() and close() by the command-io thread, everything else from any thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "worker/executor.h"

namespace longhaul::worker::process {

class CommandInbox {
 public:
  struct News {
    std::vector<AttemptOrder> begun;
    std::vector<api::AttemptToken> stopped;
    bool ending = false;
  };

  [[nodiscard]] bool open() {
    bell_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return bell_.valid();
  }
  // Readable when there is news.
  [[nodiscard]] int bell() const { return bell_.get(); }

  // False when nobody will take it: `order` is untouched then.
  [[nodiscard]] bool begin(AttemptOrder& order) EXCLUDES(mutex_) {
    {
      base::MutexLock lock(mutex_);
      if (closed_) return false;
      news_.begun.push_back(std::move(order));
      if (std::exchange(rung_, true)) return true;
    }
    ring();
    return true;
  }
  void stop(api::AttemptToken token) EXCLUDES(mutex_) {
    {
      base::MutexLock lock(mutex_);
      if (closed_) return;
      news_.stopped.push_back(token);
      if (std::exchange(rung_, true)) return;
    }
    ring();
  }
  void end() EXCLUDES(mutex_) {
    {
      base::MutexLock lock(mutex_);
      news_.ending = true;
      rung_ = true;
    }
    ring();
  }

  [[nodiscard]] News take() EXCLUDES(mutex_) {
    std::uint64_t count = 0;
    (void)!read(bell_.get(), &count, sizeof count);
    base::MutexLock lock(mutex_);
    rung_ = false;
    return std::exchange(news_, {});
  }
  // From here on begin() refuses; returns what had not been taken.
  [[nodiscard]] News close() EXCLUDES(mutex_) {
    base::MutexLock lock(mutex_);
    closed_ = true;
    return std::exchange(news_, {});
  }

 private:
  void ring() const {
    const std::uint64_t one = 1;
    (void)!write(bell_.get(), &one, sizeof one);
  }

  base::UniqueFd bell_;
  base::Mutex mutex_;
  News news_ GUARDED_BY(mutex_);
  bool rung_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace longhaul::worker::process
