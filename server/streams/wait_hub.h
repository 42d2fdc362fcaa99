// Those who wait for a task to become final. A waiter is an entry in a table and a timer of the HTTP loop: it
// holds no thread.
//
// Race-free use: wait() first, then look at the task's present state and settle() if it is final already. A
// commit that lands in between is seen by one of the two, and whoever comes second finds the waiter gone.
//
// Thread-safety: on_committed() on the store's writer thread; close() from any thread but the loop's; all
// else on the loop's thread. Ownership: the server must outlive the hub, and the hub the running of its loop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/limits.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "server/http/http_server.h"
#include "storage/store.h"

namespace longhaul::server {

class WaitHub final : public storage::StoreObserver {
 public:
  using WaiterNumber = std::uint64_t;  // 0: none
  // Called once, on the loop's thread: with the final snapshot, or with null when the wait ended first. Never
  // called when the client has hung up.
  using Ended = std::function<void(const api::TaskSnapshotPtr&)>;

  // Each connection has one request in flight, so there are never more waiters than connections; the bound is
  // a net below that.
  explicit WaitHub(HttpServer& server, std::size_t max_waiters = api::limits::connections)
      : server_(server), max_waiters_(max_waiters) {}

  // Uses the responder's hang-up callback. With the table full, or after close(), the wait ends at once.
  WaiterNumber wait(const api::TaskId& id, const Responder& responder, base::BootTime until, Ended ended);
  // Ends this wait with `task`, if it has not ended yet.
  void settle(WaiterNumber number, const api::TaskSnapshotPtr& task);
  // Drops the waiter without a call, if its wait has not ended yet. True when it was still there.
  bool forget(WaiterNumber number);

  // Ends every wait, and each one to come, as if its time were over. Returns when that is done. The loop must
  // be running.
  void close();

  void on_committed(std::span<const storage::TaskChange> changes) override;

  // How many wait. Any thread.
  [[nodiscard]] std::size_t waiters() const { return waiter_count_.load(std::memory_order_relaxed); }
  // For how many tasks somebody waits. Any thread.
  [[nodiscard]] std::size_t awaited_tasks() const EXCLUDES(mutex_);

 private:
  struct Waiter {
    api::TaskId task;
    HttpServer::TimerId timer = 0;
    Ended ended;
  };
  [[nodiscard]] std::vector<WaiterNumber> waiters_of(const api::TaskId& id) const EXCLUDES(mutex_);

  HttpServer& server_;
  const std::size_t max_waiters_;

  // The loop's thread alone.
  std::unordered_map<WaiterNumber, Waiter> waiters_;
  std::atomic<std::size_t> waiter_count_{0};  // others may read it
  WaiterNumber last_number_ = 0;
  bool closed_ = false;

  // Shared with the writer's thread, which only asks whether anybody waits for a task.
  mutable base::Mutex mutex_;
  std::unordered_map<api::TaskId, std::unordered_set<WaiterNumber>> by_task_ GUARDED_BY(mutex_);
};

}  // namespace longhaul::server
