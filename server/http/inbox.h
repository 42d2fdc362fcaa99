// What other threads hand to the loop: work and answers. Many hand-ins before the loop looks cost one
// wake-up.
//
// Thread-safety: everything from any thread; take() on the loop's. Outlives the server when responders do:
// after close() all that is handed in is dropped. Bounded by its users: an answer for each connection, work
// by those who post it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace longhaul::server {

struct Exchange;

class Inbox {
 public:
  Inbox();  // wake_fd() is -1 when the system has no descriptor left

  void post(std::function<void()> work) EXCLUDES(mutex_);
  void complete(std::shared_ptr<Exchange> answered) EXCLUDES(mutex_);

  // Becomes readable when something comes in from another thread; to be watched edge-triggered, never read.
  [[nodiscard]] int wake_fd() const { return wake_fd_.get(); }
  // From now on this thread needs no wake-up: the loop looks at has_items() before it sleeps.
  void adopt_loop_thread() { loop_thread_.store(std::this_thread::get_id()); }
  [[nodiscard]] bool on_loop_thread() const {
    return loop_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  struct Batch {
    std::vector<std::function<void()>> work;
    std::vector<std::shared_ptr<Exchange>> answers;
  };
  [[nodiscard]] bool has_items() const { return has_items_.load(std::memory_order_acquire); }
  // Swaps what has come in with `out`, which must be empty.
  void take(Batch& out) EXCLUDES(mutex_);

  void close() EXCLUDES(mutex_);

 private:
  void wake();

  const base::UniqueFd wake_fd_;
  std::atomic<std::thread::id> loop_thread_{};
  std::atomic<bool> has_items_{false};
  base::Mutex mutex_;
  Batch batch_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace longhaul::server
