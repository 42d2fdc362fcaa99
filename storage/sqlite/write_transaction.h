// What one transaction of the writer does: the statements it runs, the tasks as it has made them so far, and
// the changes to tell of once it is committed. Begun anew for each transaction, also when the same requests
// are tried a second time.
//
// Belongs to the writer's thread. Errors: SqlError.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/recent_tasks.h"
#include "storage/sqlite/cached_results.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/registered_webhooks.h"
#include "storage/store.h"

namespace longhaul::storage {

// A task whose row is gone.
struct RemovedTask {
  TaskKey key;
  std::string queue;
  TaskState state = TaskState::succeeded;
};

class WriteTransaction {
 public:
  WriteTransaction(Statements& statements, RecentTasks& recent,
                   const std::atomic<std::int64_t>& max_cache_bytes)
      : statements_(statements),
        recent_(recent),
        cached_(statements, max_cache_bytes),
        webhooks_(statements) {}

  void begin(Now now);
  [[nodiscard]] Now now() const { return now_; }
  [[nodiscard]] Query use(std::string_view statement) { return statements_.use(statement); }
  [[nodiscard]] Statements& statements() { return statements_; }
  [[nodiscard]] CachedResults& cached() { return cached_; }
  [[nodiscard]] RegisteredWebhooks& webhooks() { return webhooks_; }

  // The task as this transaction sees it: its own changes, else memory, else the database. Null: unknown.
  // Memory is exact, for nobody but the writer changes tasks, and it puts there what it has committed.
  [[nodiscard]] TaskSnapshotPtr find(TaskKey key);
  [[nodiscard]] TaskSnapshotPtr find(const TaskId& id);
  // The unfinished task of this type that has this unique key. Null: it is free.
  [[nodiscard]] TaskSnapshotPtr find_holder(const std::string& type, const std::string& unique_key);

  // For a new task. Never one that was used before by this process, also when its task has been removed:
  // whoever follows the store knows tasks by their keys.
  [[nodiscard]] TaskKey new_key();

  // Notes what a statement has done to the row. add: it is new. change: it came from `from`. refresh: no
  // change of state or revision (progress), so that observers are not told. A change that the task's callback
  // or a webhook is to hear of writes a delivery for each.
  TaskSnapshotPtr add(api::TaskSnapshot task);
  TaskSnapshotPtr change(TaskState from, api::TaskSnapshot task, bool is_first_claim = false);
  // Said before the change that takes a task out of its attempt, which then carries it.
  void attempt_ends(api::AttemptOutcome outcome) { ended_ = outcome; }
  TaskSnapshotPtr refresh(api::TaskSnapshot task);

  // A delivery that is owed now; `is_new`: and was not before.
  void note_owed(OwedDelivery delivery, bool is_new) {
    deliveries_.push_back(std::move(delivery));
    if (is_new) ++owed_change_;
  }
  // One that was owed is no more.
  void note_settled() { --owed_change_; }
  void note_tried(TriedDelivery delivery) { tried_.push_back(std::move(delivery)); }
  void note_moved(MovedEndpoint endpoint) { moved_.push_back(std::move(endpoint)); }
  // What an attempt said is written; `log_lines` as in NotedTask.
  void note_said(TaskSnapshotPtr task, bool has_progress, std::int64_t log_lines) {
    said_.push_back({std::move(task), has_progress, log_lines});
  }

  // Its row is gone, and from here on it is unknown.
  void remove(RemovedTask task);

  // In the order in which they were made.
  [[nodiscard]] std::span<const TaskChange> changes() const { return changes_; }
  [[nodiscard]] std::span<const OwedDelivery> deliveries() const { return deliveries_; }
  [[nodiscard]] std::span<const TriedDelivery> tried() const { return tried_; }
  [[nodiscard]] std::span<const MovedEndpoint> moved() const { return moved_; }
  // By how many there are more of them afterwards.
  [[nodiscard]] std::int64_t owed_change() const { return owed_change_; }
  [[nodiscard]] std::span<const RemovedTask> removed() const { return removed_; }
  // Each task once, with its last snapshot, without those removed.
  [[nodiscard]] std::vector<NotedTask> noted() const;
  // The last snapshot of each task touched, without those removed.
  [[nodiscard]] std::vector<TaskSnapshotPtr> latest() const;

 private:
  TaskSnapshotPtr keep(api::TaskSnapshot task);
  // Writes what is owed for this event.
  void owe(api::WebhookEvent event, const api::TaskSnapshot& task);

  Statements& statements_;
  RecentTasks& recent_;
  CachedResults cached_;
  RegisteredWebhooks webhooks_;
  Now now_{};
  std::unordered_map<TaskKey, TaskSnapshotPtr> touched_;  // null: removed
  std::vector<TaskChange> changes_;
  std::vector<RemovedTask> removed_;
  std::optional<std::int64_t> last_key_;
  std::vector<OwedDelivery> deliveries_;
  std::vector<TriedDelivery> tried_;
  std::vector<MovedEndpoint> moved_;
  std::int64_t owed_change_ = 0;
  std::vector<NotedTask> said_;
  std::optional<api::AttemptOutcome> ended_;
};

}  // namespace longhaul::storage
