// Those who wait for a task to become final, or to change. A waiter is a subscriber of the event hub and a timer of
// the HTTP loop: it holds no thread.
//
// Race-free use: wait() first, then look at the task's present state and settle() if that is what is waited for
// already. A commit that lands in between is seen by one of the two, and whoever comes second finds the waiter gone.
//
// Thread-safety: close() from any thread but the loop's, waiters() from any; all else on the loop's thread.
// Ownership: server and hub must outlive it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "api/limits.h"
#include "base/clock.h"
#include "server/http/http_server.h"
#include "server/streams/event_hub.h"

namespace longhaul::server {

class WaitHub {
 public:
  using WaiterNumber = std::uint64_t;  // 0: none
  // Called once, on the loop's thread: with the snapshot that was waited for, or with null when the wait ended
  // first. Never called when the client has hung up.
  using Ended = std::function<void(const api::TaskSnapshotPtr&)>;
  // What is waited for: the final state, and before it any revision above this one.
  using Above = std::optional<std::int64_t>;

  // Each connection has one request in flight, so there are never more waiters than connections; the bound is
  // a net below that.
  WaitHub(HttpServer& server, EventHub& events, std::size_t max_waiters = api::limits::connections);
  ~WaitHub();

  // Uses the responder's hang-up callback. With the table full, or after close(), the wait ends at once; of a client
  // that has hung up already nothing is kept, and nobody is called.
  WaiterNumber wait(const api::TaskId& id, const Responder& responder, base::BootTime until, Ended ended,
                    Above above = std::nullopt);
  // Ends this wait with `task`, if it has not ended yet.
  void settle(WaiterNumber number, const api::TaskSnapshotPtr& task);
  // Drops the waiter without a call, if its wait has not ended yet. True when it was still there.
  bool forget(WaiterNumber number);

  // Ends every wait, and each one to come, as if its time were over. Returns when that is done. The loop must
  // be running.
  void close();

  // How many wait. Any thread.
  [[nodiscard]] std::size_t waiters() const { return waiter_count_.load(std::memory_order_relaxed); }

  [[nodiscard]] static bool is_met(const api::TaskSnapshot& task, Above above) {
    return api::is_final(task.state) || (above && task.revision > *above);
  }

 private:
  struct Waiter;

  HttpServer& server_;
  EventHub& events_;
  const std::size_t max_waiters_;
  std::unordered_map<WaiterNumber, std::unique_ptr<Waiter>> waiters_;
  std::atomic<std::size_t> waiter_count_{0};  // others may read it
  WaiterNumber last_number_ = 0;
  bool closed_ = false;
};

}  // namespace longhaul::server
