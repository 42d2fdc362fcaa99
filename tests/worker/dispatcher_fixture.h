// A dispatcher over a real SQLite store in a folder of its own, with a clock in the test's hand and two
// executors in hand: one for commands (what the tests are about), one for the built-in type "barrier", which
// always succeeds at once.
//
// The store runs from the beginning; the dispatcher from start_dispatcher(), so that a test can first leave
// behind what an earlier server would have left. The test ends with a look at the executors' faults and at
// the history of each task: every change allowed by the table of states, nothing after a final state but a
// user's retry.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/store.h"
#include "tests/support/manual_clock.h"
#include "tests/worker/hand_executor.h"
#include "tests/worker/store_proxy.h"
#include "worker/dispatcher.h"

namespace longhaul::tests {

using api::Milliseconds;
using api::TaskSnapshotPtr;
using api::TaskState;

// What the store said of each task, in order.
class History final : public storage::StoreObserver {
 public:
  void on_committed(std::span<const storage::TaskChange> changes) override;
  // Waits until a state of the task, or the state itself, satisfies it.
  TaskSnapshotPtr wait_until(const api::TaskId& id,
                             const std::function<bool(const api::TaskSnapshot&)>& condition);
  TaskSnapshotPtr wait_for_state(const api::TaskId& id, TaskState state);
  TaskSnapshotPtr wait_for_end(const api::TaskId& id);
  std::vector<TaskState> states_of(const api::TaskId& id);
  // What broke a rule of the table of states.
  std::vector<std::string> faults();

 private:
  TaskSnapshotPtr wait_until(const api::TaskId& id, const std::string& what,
                             const std::function<bool(const api::TaskSnapshot&)>& condition);

  base::Mutex mutex_;
  base::CondVar changed_;
  std::map<api::TaskId, std::vector<TaskSnapshotPtr>> tasks_ GUARDED_BY(mutex_);
  std::vector<std::string> faults_ GUARDED_BY(mutex_);
};

struct FixtureOptions {
  std::size_t command_places = 100;
  bool machine_clock = false;  // the clocks of the machine, with real timers
  worker::EndLeftovers end_leftovers = [](const std::vector<worker::Leftover>&) {
    return base::Result<void>();
  };
};

class DispatcherFixture {
 public:
  explicit DispatcherFixture(FixtureOptions options = {});
  ~DispatcherFixture();
  DispatcherFixture(const DispatcherFixture&) = delete;
  DispatcherFixture& operator=(const DispatcherFixture&) = delete;

  // Types and queues: before start_dispatcher().
  worker::TaskType& add_type(const std::string& name);
  // The store anew on the same data, with a dispatcher that has seen nothing of it: before
  // start_dispatcher().
  void reopen_store();
  [[nodiscard]] base::Result<void> try_start_dispatcher();
  void start_dispatcher();
  void stop_dispatcher();

  // A task of type "work" in queue "default", due now, with three attempts.
  [[nodiscard]] storage::NewTask order();
  TaskSnapshotPtr add(storage::NewTask task);
  TaskSnapshotPtr add() { return add(order()); }
  storage::CancelOutcome cancel(const TaskSnapshotPtr& task);
  storage::RetryOutcome retry(const TaskSnapshotPtr& task);
  // Claims without the dispatcher, as an earlier server did.
  storage::Claimed claim(const TaskSnapshotPtr& task);
  api::TaskDetail detail(const TaskSnapshotPtr& task);
  std::optional<api::WaitingFor> explain(const TaskSnapshotPtr& task);

  void advance(Milliseconds by);
  // Lets time pass until the task is in that state: for what follows a pause that begins somewhen.
  TaskSnapshotPtr advance_until(const TaskSnapshotPtr& task, TaskState state);
  void step_wall(Milliseconds by);
  // Returns when the dispatcher has seen and followed up everything that happened before the call. Not while
  // it rests because the store refused something: then it claims nothing.
  void settle();

  ManualClock clock;
  worker::TaskTypes types;
  std::uint64_t random = 0;  // what the retry jitter draws
  History history;
  HandExecutor commands;
  StoreProxy& store() { return *store_; }
  worker::Dispatcher& dispatcher() { return *dispatcher_; }

 private:
  void open();

  const FixtureOptions options_;
  std::map<std::string, worker::TaskType> drafts_;
  std::filesystem::path folder_;
  base::SystemClock machine_clock_;
  const base::Clock& used_clock_;
  HandExecutor threads_;
  std::unique_ptr<StoreProxy> store_;
  std::unique_ptr<worker::Dispatcher> dispatcher_;
  bool running_ = false;
  std::uint64_t last_id_ = 0;
};

}  // namespace longhaul::tests
