#include "storage/sqlite/requests/enqueue.h"

#include "storage/sqlite/task_row.h"

namespace longhaul::storage {
namespace {

api::TaskSnapshot first_snapshot(const NewTask& order, TaskKey key) {
  api::TaskSnapshot task;
  task.key = key;
  task.id = order.id;
  task.type = order.type;
  task.queue = order.queue;
  task.priority = order.priority;
  task.state = order.due ? TaskState::scheduled : TaskState::queued;
  task.max_attempts = order.max_attempts;
  task.timeout = order.timeout;
  task.created_at = order.created_at;
  task.run_at = order.run_at;
  task.deadline_at = order.deadline_at;
  task.due = order.due;
  task.deadline = order.deadline;
  task.expiry = order.expiry;
  task.tags = order.tags;
  if (order.callback) task.callback_events = order.callback->events;
  return task;
}

TaskKey insert(WriteTransaction& transaction, const NewTask& task) {
  const auto tags = tags_text(task.tags);
  const TaskState state = task.due ? TaskState::scheduled : TaskState::queued;
  const TaskKey key = transaction.new_key();
  Query query = transaction.use("insert_task");
  query
      .bind(key, task.id, task.type, task.queue, task.priority, state, task.max_attempts, task.timeout,
            task.created_at, task.run_at, wall_part(task.due), steady_part(task.due), task.deadline_at,
            wall_part(task.deadline), steady_part(task.deadline), wall_part(task.expiry),
            steady_part(task.expiry), task.relative_deadline, task.relative_expiry, tags,
            task.callback ? std::int64_t{task.callback->events.bits()} : 0)
      .run();
  return key;
}

void insert_what_hangs_on_it(WriteTransaction& transaction, const NewTask& task, TaskKey key) {
  const std::optional<std::string_view> traceparent =
      task.traceparent.empty() ? std::nullopt : std::optional<std::string_view>(task.traceparent);
  transaction.use("insert_input").bind(key, task.payload.text, traceparent).run();
  for (const auto& [name, value] : task.tags) transaction.use("insert_tag").bind(name, value, task.id).run();
  if (task.callback) transaction.use("insert_callback").bind(key, task.callback->url).run();
  if (!task.idempotency) return;
  const IdempotencyBinding& binding = *task.idempotency;
  transaction.use("insert_idempotency_key")
      .bind(binding.scope, binding.key, Blob{binding.body_hash}, task.id, task.created_at)
      .run();
}

}  // namespace

void EnqueueRequest::apply(WriteTransaction& transaction) {
  if (auto bound = find_bound(transaction)) {
    outcome_ = std::move(*bound);
    return;
  }
  if (task_.replay_only) {
    outcome_ = {EnqueueVerdict::not_bound, nullptr};
    return;
  }
  const TaskKey key = insert(transaction, task_);
  insert_what_hangs_on_it(transaction, task_, key);
  outcome_ = {EnqueueVerdict::created, transaction.add(first_snapshot(task_, key))};
}

std::optional<EnqueueOutcome> EnqueueRequest::find_bound(WriteTransaction& transaction) const {
  if (!task_.idempotency) return std::nullopt;
  Query query = transaction.use("find_idempotency_key");
  if (!query.bind(task_.idempotency->scope, task_.idempotency->key).row()) return std::nullopt;
  if (query.text(0) != task_.idempotency->body_hash)
    return EnqueueOutcome{EnqueueVerdict::key_reused, nullptr};
  TaskSnapshotPtr task = transaction.find(query.task_id(1));
  if (!task) return EnqueueOutcome{EnqueueVerdict::task_gone, nullptr};
  return EnqueueOutcome{EnqueueVerdict::replayed, std::move(task)};
}

}  // namespace longhaul::storage
