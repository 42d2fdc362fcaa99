// What one transaction of the writer does: the statements it runs, the tasks as it has made them so far, and
// the changes to tell of once it is committed. Begun anew for each transaction, also when the same requests
// are tried a second time.
//
// Belongs to the writer's thread. Errors: SqlError.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "storage/recent_tasks.h"
#include "storage/sqlite/connection.h"
#include "storage/store.h"

namespace longhaul::storage {

class WriteTransaction {
 public:
  WriteTransaction(Statements& statements, RecentTasks& recent) : statements_(statements), recent_(recent) {}

  void begin(Now now);
  [[nodiscard]] Now now() const { return now_; }
  [[nodiscard]] Query use(std::string_view statement) { return statements_.use(statement); }
  [[nodiscard]] Statements& statements() { return statements_; }

  // The task as this transaction sees it: its own changes, else memory, else the database. Null: unknown.
  // Memory is exact, for nobody but the writer changes tasks, and it puts there what it has committed.
  [[nodiscard]] TaskSnapshotPtr find(TaskKey key);
  [[nodiscard]] TaskSnapshotPtr find(const TaskId& id);

  // Notes what a statement has done to the row. add: it is new. change: it came from `from`. refresh: no
  // change of state or revision (progress), so that observers are not told.
  TaskSnapshotPtr add(api::TaskSnapshot task);
  TaskSnapshotPtr change(TaskState from, api::TaskSnapshot task);
  TaskSnapshotPtr refresh(api::TaskSnapshot task);

  // In the order in which they were made.
  [[nodiscard]] std::span<const TaskChange> changes() const { return changes_; }
  // The last snapshot of each task touched.
  [[nodiscard]] std::vector<TaskSnapshotPtr> latest() const;

 private:
  TaskSnapshotPtr keep(api::TaskSnapshot task);

  Statements& statements_;
  RecentTasks& recent_;
  Now now_{};
  std::unordered_map<TaskKey, TaskSnapshotPtr> touched_;
  std::vector<TaskChange> changes_;
};

}  // namespace longhaul::storage
