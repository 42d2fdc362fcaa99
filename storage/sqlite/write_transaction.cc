#include "storage/sqlite/write_transaction.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/task_row.h"

namespace longhaul::storage {

void WriteTransaction::begin(Now now) {
  now_ = now;
  touched_.clear();
  changes_.clear();
  removed_.clear();
  deliveries_.clear();
  tried_.clear();
  moved_.clear();
  owed_change_ = 0;
  said_.clear();
  ended_.reset();
  cached_.begin(now.steady);
  webhooks_.begin();
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

TaskSnapshotPtr WriteTransaction::find_holder(const std::string& type, const std::string& unique_key) {
  std::optional<TaskKey> key;
  {
    Query query = use("task_with_unique_key");
    if (query.bind(type, unique_key).row()) key = TaskKey(query.integer(0));
  }
  return key ? find(*key) : nullptr;
}

TaskKey WriteTransaction::new_key() {
  if (!last_key_) {
    Query query = use("newest_key");
    last_key_ = query.bind().row() ? query.integer(0) : 0;
  }
  return TaskKey(++*last_key_);
}

TaskSnapshotPtr WriteTransaction::keep(api::TaskSnapshot task) {
  auto kept = std::make_shared<const api::TaskSnapshot>(std::move(task));
  touched_[kept->key] = kept;
  return kept;
}

TaskSnapshotPtr WriteTransaction::add(api::TaskSnapshot task) {
  TaskSnapshotPtr kept = keep(std::move(task));
  changes_.push_back({std::nullopt, kept, false, std::nullopt});
  return kept;
}

TaskSnapshotPtr WriteTransaction::change(TaskState from, api::TaskSnapshot task, bool is_first_claim) {
  TaskSnapshotPtr kept = keep(std::move(task));
  TaskChange change{from, kept, is_first_claim, std::nullopt};
  if (api::is_active(from) && !api::is_active(kept->state)) {
    change.ended = std::exchange(ended_, std::nullopt);
  }
  changes_.push_back(std::move(change));
  if (const auto event = api::event_of(from, kept->state)) owe(*event, *kept);
  return kept;
}

void WriteTransaction::owe(api::WebhookEvent event, const api::TaskSnapshot& task) {
  // The body is the same for all, and kept once.
  std::string body;
  std::optional<api::DeliveryKey> body_of;
  const auto write = [&](const api::Webhook* webhook) {
    if (!body_of) body = api::delivery_body(event, now_.wall, task);
    auto [key, owed] = insert_delivery(statements_, now_, {event, task.key, webhook, body, body_of});
    if (!body_of) body_of = key;
    if (owed) note_owed(*std::move(owed), true);
  };
  if (task.callback_events.contains(event)) write(nullptr);
  for (const api::Webhook& webhook : webhooks_.all(now_)) {
    if (api::wants(webhook.filter, event, task)) write(&webhook);
  }
}

TaskSnapshotPtr WriteTransaction::refresh(api::TaskSnapshot task) { return keep(std::move(task)); }

void WriteTransaction::remove(RemovedTask task) {
  touched_[task.key] = nullptr;
  removed_.push_back(std::move(task));
}

std::vector<TaskSnapshotPtr> WriteTransaction::latest() const {
  std::vector<TaskSnapshotPtr> latest;
  latest.reserve(touched_.size());
  for (const auto& [key, task] : touched_) {
    if (task) latest.push_back(task);
  }
  return latest;
}

std::vector<NotedTask> WriteTransaction::noted() const {
  std::vector<NotedTask> noted;
  noted.reserve(said_.size());
  std::unordered_map<TaskKey, std::size_t> places;
  for (const NotedTask& said : said_) {
    const auto touched = touched_.find(said.task->key);
    const TaskSnapshotPtr& task = touched == touched_.end() ? said.task : touched->second;
    if (!task) continue;
    const auto [place, is_first] = places.try_emplace(task->key, noted.size());
    if (is_first) {
      noted.push_back({task, said.has_progress, said.log_lines});
      continue;
    }
    NotedTask& known = noted[place->second];
    known.has_progress = known.has_progress || said.has_progress;
    known.log_lines = std::max(known.log_lines, said.log_lines);
  }
  return noted;
}

}  // namespace longhaul::storage
