#include "storage/sqlite/write_transaction.h"

#include <memory>

#include "storage/sqlite/task_row.h"

namespace longhaul::storage {

void WriteTransaction::begin(Now now) {
  now_ = now;
  touched_.clear();
  changes_.clear();
}

TaskSnapshotPtr WriteTransaction::find(TaskKey key) {
  if (const auto found = touched_.find(key); found != touched_.end()) return found->second;
  if (TaskSnapshotPtr task = recent_.find(key)) return task;
  return read_task(statements_, key);
}

TaskSnapshotPtr WriteTransaction::find(const TaskId& id) {
  if (const TaskSnapshotPtr task = recent_.find(id)) {
    const auto touched = touched_.find(task->key);
    return touched == touched_.end() ? task : touched->second;
  }
  const auto key = key_of(statements_, id);
  return key ? find(*key) : nullptr;
}

TaskSnapshotPtr WriteTransaction::keep(api::TaskSnapshot task) {
  auto kept = std::make_shared<const api::TaskSnapshot>(std::move(task));
  touched_[kept->key] = kept;
  return kept;
}

TaskSnapshotPtr WriteTransaction::add(api::TaskSnapshot task) {
  TaskSnapshotPtr kept = keep(std::move(task));
  changes_.push_back({std::nullopt, kept});
  return kept;
}

TaskSnapshotPtr WriteTransaction::change(TaskState from, api::TaskSnapshot task) {
  TaskSnapshotPtr kept = keep(std::move(task));
  changes_.push_back({from, kept});
  return kept;
}

TaskSnapshotPtr WriteTransaction::refresh(api::TaskSnapshot task) { return keep(std::move(task)); }

std::vector<TaskSnapshotPtr> WriteTransaction::latest() const {
  std::vector<TaskSnapshotPtr> latest;
  latest.reserve(touched_.size());
  for (const auto& [key, task] : touched_) latest.push_back(task);
  return latest;
}

}  // namespace longhaul::storage
