// The port to whatever keeps the tasks. Writes are named transitions: each says from which state to which and
// why (api/task_state.h), is guarded by state and attempt token, and is answered only after the commit that
// holds it was synced.
//
// Thread-safety: every method from any thread, between start() and stop().
// Writes are asynchronous: `done` is called exactly once, on the store's writer thread, after the commit
//   (or with the error that prevented it), and must not block. Callbacks of one transaction come in the order
//   of its changes, after observers. A request that is not taken (`lane_full`, or the store is not running)
//   is refused on the caller's thread before the call returns: do not hold a lock that `done` needs.
// Reads block the caller for the length of a short query and see committed data only.
// Errors: StoreError. A failed sync is not an error that comes back: the store calls its fatal handler,
//   which must end the process, so that the truth is read again at the next start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/cache_terms.h"
#include "api/delivery.h"
#include "api/task.h"
#include "api/task_query.h"
#include "base/service.h"
#include "storage/figures.h"
#include "storage/outbox.h"
#include "storage/result_cache.h"
#include "storage/retention.h"
#include "storage/store_types.h"
#include "storage/webhooks.h"

namespace longhaul::storage {

// ---- starts

// An Idempotency-Key, bound in the transaction that creates the task.
struct IdempotencyBinding {
  std::string scope;  // caller and path
  std::string key;
  std::string body_hash;  // of the body's bytes
};

struct NewTask {
  TaskId id;
  std::string type;
  RawJson payload;
  std::string queue;
  int priority = 0;
  int max_attempts = 1;
  std::optional<Milliseconds> timeout;
  WallTime created_at;
  WallTime run_at;                      // as shown
  std::optional<api::Due> due;          // set: the task starts `scheduled`
  std::optional<WallTime> deadline_at;  // as shown
  std::optional<api::Due> deadline;
  std::optional<Milliseconds> relative_deadline;  // kept, so that a retry by a user starts it anew
  std::optional<api::Due> expiry;
  std::optional<Milliseconds> relative_expiry;
  std::vector<std::pair<std::string, std::string>> tags;
  std::string traceparent;  // empty: none
  std::optional<api::Callback> callback;
  std::optional<IdempotencyBinding> idempotency;
  std::optional<api::CacheTerms> cache;  // answered with a fresh result if there is one; else its own is kept
  std::optional<std::string> unique_key;  // answered with the unfinished task of the type that has it, if any
  bool is_private = false;                // may be ended by cancel_private()
  bool without_room = false;  // there is no room for a new task: answer with what is there, or else no_room
};

// What a start came to, in the order in which it is judged.
enum class EnqueueVerdict : std::uint8_t {
  key_reused,    // its idempotency key was bound with another body
  task_gone,     // what it was bound to is removed
  replayed,      // `task` is what it was bound to
  cached,        // `cached` is a fresh result
  deduplicated,  // `task` has its unique key
  no_room,
  created,
};
struct EnqueueOutcome {
  EnqueueVerdict verdict = EnqueueVerdict::created;
  TaskSnapshotPtr task;  // created, replayed, deduplicated
  CachedResultPtr cached{};
};

// ---- attempts

struct ClaimOrder {
  TaskKey key;
  std::string worker;
};
struct Claimed {
  TaskSnapshotPtr task;  // running, with its attempt counted and its token
  RawJson payload;
  std::string traceparent;
};
// One for each order, in order; nothing where the task was not queued any more.
using ClaimOutcome = std::vector<std::optional<Claimed>>;

// A process, named so that it is never mistaken for a later one with the same id.
struct ProcessIdentity {
  int pid = 0;
  std::int64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string boot_id;
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

// How an attempt ended, told by whoever ran it. The store decides what becomes of the task (see finish()).
struct AttemptEnd {
  TaskKey key;
  AttemptToken token;
  api::AttemptOutcome outcome = api::AttemptOutcome::failed;
  std::optional<RawJson> result;        // with succeeded
  std::optional<api::TaskError> error;  // with failed, lost, released; why one was stopped the store knows
  bool retryable = true;
  Milliseconds backoff{0};  // before the next attempt, when there is one
  std::optional<int> exit_code;
  std::optional<int> signal;
  api::ResourceUse use;
};
enum class FinishVerdict : std::uint8_t {
  applied,  // `task` is what became of it
  refused,  // the token is not the current one: nothing changed
};
struct FinishOutcome {
  FinishVerdict verdict = FinishVerdict::applied;
  TaskSnapshotPtr task;
};

// An attempt that was running when the server last stopped, found at start.
struct OpenAttempt {
  TaskSnapshotPtr task;  // running or cancelling
  std::string worker;
  std::optional<ProcessIdentity> process;
};

// ---- steering

enum class CancelVerdict : std::uint8_t {
  unknown,
  cancelled_now,
  already_cancelled,
  cancelling,
  already_final,
  shared,  // of cancel_private(): nothing has changed
};
struct CancelOutcome {
  CancelVerdict verdict = CancelVerdict::unknown;
  TaskSnapshotPtr task;
};

enum class RetryVerdict : std::uint8_t { unknown, retried, not_retryable, deadline_passed, unique_key_taken };
struct RetryOrder {
  TaskId id;
  std::optional<Milliseconds> deadline;  // replaces the old one
  std::optional<WallTime> deadline_at;
};
struct RetryOutcome {
  RetryVerdict verdict = RetryVerdict::unknown;
  TaskSnapshotPtr task;
  TaskSnapshotPtr holder{};  // unique_key_taken: who has it
};

// What one slice of due work did, and when the next piece is due.
struct SweepOutcome {
  bool more = false;  // the slice was full: call again
  std::optional<WallTime> next_wall;
  std::optional<SteadyTime> next_steady;
};

// ---- what observers see

// One committed change.
struct TaskChange {
  std::optional<TaskState> from;  // nothing: the task is new
  TaskSnapshotPtr task;
  bool is_first_claim = false;  // the first since the task was started, or opened again by a user
  std::optional<api::AttemptOutcome> ended{};  // how the attempt ended that this change takes the task out of
};

// What an attempt has said, committed: progress that was recorded, log lines that were appended, or both.
struct NotedTask {
  TaskSnapshotPtr task;  // as this commit left it
  bool has_progress = false;
  std::int64_t log_lines = 0;  // the number of the last line now; 0: no lines came
};

// Told of every change after its commit, in commit order, on the writer's thread, before the callbacks of
// that commit. Must not block.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  virtual void on_committed(std::span<const TaskChange> changes) = 0;
  // Registered webhooks are others than before: one was made, changed, removed, or has another secret. After on_committed.
  virtual void on_webhooks_changed() {}
  // Deliveries that came to be owed by those changes or were asked for again, after those. Those whose next attempt was put
  // off by record_deliveries are not told of.
  virtual void on_deliveries(std::span<const OwedDelivery> /*deliveries*/) {}
  // Webhooks that have another URL, or were enabled, after on_deliveries.
  virtual void on_endpoints_moved(std::span<const MovedEndpoint> /*moved*/) {}
  // Attempts to deliver that were noted, after those.
  virtual void on_deliveries_tried(std::span<const TriedDelivery> /*tried*/) {}
  // Results were kept for starts to come, and the first of these expires then.
  virtual void on_results_kept(SteadyTime /*first_expiry*/) {}
  // What attempts said, each task once a commit, last of all. A change that the same commit made to the task
  // was told of before, so that the snapshot may be of a task that is over by now.
  virtual void on_noted(std::span<const NotedTask> /*noted*/) {}
};

// A queued task as the ready queue sorts it.
struct ReadyTask {
  TaskKey key;
  int priority = 0;
  WallTime run_at;
};
struct ReadyOrder {
  std::string queue;
  std::string type;
  std::optional<ReadyTask> after;  // continue behind this one
  std::size_t limit = 1000;
};
struct ReadyLane {
  std::string queue;
  std::string type;
  std::int64_t queued = 0;
};

struct StateCounts {
  std::map<TaskState, std::int64_t> by_state;
  std::map<std::string, std::map<TaskState, std::int64_t>> by_queue;  // unfinished states only
};

class Store : public base::Service {
 public:
  // Before start(); the observer must outlive the store.
  virtual void add_observer(StoreObserver* observer) = 0;

  // ---- writes
  // Creates a task, or answers with what is there already (EnqueueVerdict). Whoever is answered with a task
  // that another start made shares it: it is private no longer.
  virtual void enqueue(NewTask task, Done<EnqueueOutcome> done) = 0;
  // queued -> running: counts the attempt and makes its token.
  virtual void claim(std::vector<ClaimOrder> orders, Done<ClaimOutcome> done) = 0;
  // Notes the process of a running attempt. Ignored when the token is not current.
  virtual void record_process(TaskKey key, AttemptToken token, ProcessIdentity process) = 0;
  // Appends to the log of the attempt's task, dropping (and marking as truncated) what is over `max_bytes`
  // for the task.
  virtual void append_log(TaskKey key, AttemptToken token, std::vector<api::LogLine> lines,
                          std::size_t max_bytes) = 0;
  // Keeps the newest progress. Ignored when the token is not current.
  virtual void record_progress(TaskKey key, AttemptToken token, api::Progress progress) = 0;
  // running: succeeded -> `succeeded`; failed, timed_out or lost -> `scheduled` when retryable and attempts
  // are left, else
  //   `failed` (after a timeout of the last attempt: `timed_out`); released -> `queued`, refunded.
  // cancelling: whatever the outcome -> `cancelled` or `timed_out` by the cause that came first; a result is
  // kept out. In every case the attempt's record is completed.
  virtual void finish(AttemptEnd end, Done<FinishOutcome> done) = 0;
  // running -> cancelling, because of its deadline or its last timeout. Refused (nothing changes) when the
  // token is not current.
  virtual void stop_attempt(TaskKey key, AttemptToken token, api::StopCause cause,
                            Done<FinishOutcome> done) = 0;
  // A user's cancel.
  virtual void cancel(TaskId id, std::string reason, Done<CancelOutcome> done) = 0;
  // The same for the start that made the task: refused (`shared`) when it was not made private, when another
  // start has been answered with it since, or a user has opened it again. A final one is answered as cancel()
  // does.
  virtual void cancel_private(TaskId id, std::string reason, Done<CancelOutcome> done) = 0;
  // A user's retry of a task that did not succeed.
  virtual void retry(RetryOrder order, Done<RetryOutcome> done) = 0;
  // Applies what is due now, at most one slice of it: scheduled -> queued; waiting tasks past deadline or
  // expiry -> timed_out; running ones past their deadline -> cancelling.
  virtual void sweep(Done<SweepOutcome> done) = 0;
  // The next queued tasks of a lane in claiming order, read behind every change made so far.
  virtual void load_ready(ReadyOrder order, Done<std::vector<ReadyTask>> done) = 0;

  // ---- reads
  [[nodiscard]] virtual StoreResult<TaskSnapshotPtr> find(const TaskId& id) = 0;  // null: unknown
  [[nodiscard]] virtual StoreResult<std::optional<api::TaskDetail>> find_detail(const TaskId& id) = 0;
  [[nodiscard]] virtual StoreResult<std::optional<api::LogPage>> find_logs(const TaskId& id,
                                                                           std::int64_t after,
                                                                           std::size_t limit) = 0;
  [[nodiscard]] virtual StoreResult<api::TaskPage> list(const api::TaskQuery& query) = 0;
  [[nodiscard]] virtual StoreResult<std::vector<OpenAttempt>> open_attempts() = 0;
  [[nodiscard]] virtual StoreResult<std::vector<ReadyLane>> ready_lanes() = 0;
  // Kept in memory, exact as of the last commit.
  [[nodiscard]] virtual StateCounts counts() = 0;
  // The same, of bounded length.
  [[nodiscard]] virtual QueueCounts queue_counts() = 0;
  // From memory and the file system.
  [[nodiscard]] virtual StoreFigures figures() = 0;
  // A bounded number of steps into indexes, however many tasks there are. In a queue with more kinds of tasks
  // (by type and priority) than it has steps for, the oldest of those that it came to.
  [[nodiscard]] virtual StoreResult<StoredFigures> stored_figures(const std::vector<std::string>& queues) = 0;
  // The latest snapshot of a task that changed not long ago, from memory; null when it is not there (then ask
  // find()).
  [[nodiscard]] virtual TaskSnapshotPtr recent(const TaskId& id) = 0;
  // Now, on the timelines that the store keeps its times in.
  [[nodiscard]] virtual Now now() const = 0;

  // Lives as long as the store.
  [[nodiscard]] virtual Outbox& outbox() = 0;
  [[nodiscard]] virtual Webhooks& webhooks() = 0;
  [[nodiscard]] virtual Retention& retention() = 0;
  [[nodiscard]] virtual ResultCache& result_cache() = 0;
};

}  // namespace longhaul::storage
