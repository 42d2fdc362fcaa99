// Decides what runs when. It follows the store's committed changes, claims queued tasks as capacity allows,
// hands attempts to executors, enforces timeouts, wakes the store's sweep when something is due, and writes
// down how attempts ended. With nothing to do it sleeps: no polling, no queries.
//
// Thread-safety: every public method from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/task_json.h"
#include "base/clock.h"
#include "base/service.h"
#include "storage/store.h"
#include "worker/executor.h"
#include "worker/recovery.h"
#include "worker/task_type.h"

namespace longhaul::worker {

class Dispatcher : public base::Service, public storage::StoreObserver, public AttemptSink {
 public:
  // The executors report to the dispatcher and the dispatcher orders from them, so one of the two has to
  // exist first: make the dispatcher, make the executors with it as their sink, then name them here. Before
  // start(); null where there is none.
  virtual void set_executors(Executor* threads, Executor* commands) = 0;

  // Why a waiting task is not running now: for a queued one the first that holds of no_worker_for_type,
  // type_concurrency, behind_others, queue_concurrency. Nothing for a task that does not wait, nor for one
  // that nothing holds back: its claim is on the way. From memory, as of the last commit seen.
  [[nodiscard]] virtual std::optional<api::WaitingFor> explain(const api::TaskSnapshot& task) = 0;
  struct Load {
    std::int64_t running = 0;
  };
  [[nodiscard]] virtual Load load_of_queue(std::string_view queue) = 0;
  [[nodiscard]] virtual Load load_of_type(std::string_view type) = 0;

  // Other types and limits from the next decision on. Attempts that hold a slot go on by what they were claimed
  // with; tasks of a type that is gone wait until it comes back, or are cancelled.
  virtual void change_types(TaskTypesPtr types) = 0;
  // Claims nothing more. `drained` is called once, on the dispatcher's thread and without a lock, when no attempt
  // holds a slot any more, which may be at once, or never if stop() comes first. Attempts go on, with all that
  // may end them. At most once, before stop().
  virtual void drain(std::function<void()> drained) = 0;

  // For tests with a clock of their own: it has been moved, look at it again. Needless with the machine's
  // clocks, which wake the dispatcher themselves.
  virtual void clock_changed() = 0;
};

struct DispatcherOptions {
  storage::Store* store = nullptr;  // not owned, outlives the dispatcher; started before it
  TaskTypesPtr types;
  const base::Clock* clock = nullptr;  // not owned
  Executor* threads = nullptr;         // for TaskKind::builtin; not owned
  Executor* commands = nullptr;        // for TaskKind::command; not owned
  std::string worker_name = "local";   // as attempts show it

  // For tests; the defaults are what a server wants.
  bool system_timers = true;              // off: only clock_changed() makes it look at the clock
  EndLeftovers end_leftovers;             // none: worker/process
  std::function<std::uint64_t()> random;  // of the retry jitter; none: seeded by the machine
};

// The caller registers it as an observer of the store before the store starts. start() first recovers: it
// ends what is left of the old server's processes, finishes their attempts as lost, enforces what fell due
// meanwhile, and loads the ready queue. stop() claims nothing more, stops what runs (each within its type's
// grace) and gives it back, refunded; what is being cancelled ends as that. It returns when all of this is
// written. What does not stop in time, or cannot be written, is left open in the store, and the next start
// takes it for lost.
//
// When work finishes just as its time is up: a report that came in before the timeout fired counts as it is.
// A timeout that has fired with attempts left stands, whatever is reported then. On the last attempt the
// store decides by what it commits first.
[[nodiscard]] std::unique_ptr<Dispatcher> make_dispatcher(DispatcherOptions options);

}  // namespace longhaul::worker
