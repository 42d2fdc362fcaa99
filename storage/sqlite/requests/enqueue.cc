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
  task.is_private = order.is_private;
  task.fills_cache = order.cache.has_value();
  return task;
}

TaskKey insert(WriteTransaction& transaction, const NewTask& task) {
  const auto tags = tags_text(task.tags);
  const TaskState state = task.due ? TaskState::scheduled : TaskState::queued;
  const TaskKey key = transaction.new_key();
  const auto cache_key = task.cache ? std::optional<std::string_view>(task.cache->key) : std::nullopt;
  const auto cache_stale = task.cache ? std::optional(task.cache->stale) : std::nullopt;
  Query query = transaction.use("insert_task");
  query
      .bind(key, task.id, task.type, task.queue, task.priority, state, task.max_attempts, task.timeout,
            task.created_at, task.run_at, wall_part(task.due), steady_part(task.due), task.deadline_at,
            wall_part(task.deadline), steady_part(task.deadline), wall_part(task.expiry),
            steady_part(task.expiry), task.relative_deadline, task.relative_expiry, tags,
            task.callback ? std::int64_t{task.callback->events.bits()} : 0, task.unique_key,
            task.is_private ? 1 : 0, cache_key, cache_stale)
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

// Another start is answered with it.
TaskSnapshotPtr share(WriteTransaction& transaction, TaskSnapshotPtr task) {
  if (!task->is_private) return task;
  transaction.use("share_task").bind(task->key).run_guarded();
  api::TaskSnapshot shared = *task;
  shared.is_private = false;
  return transaction.refresh(std::move(shared));
}

}  // namespace

void EnqueueRequest::apply(WriteTransaction& transaction) {
  for (const auto find :
       {&EnqueueRequest::find_bound, &EnqueueRequest::find_fresh, &EnqueueRequest::find_same}) {
    if (auto found = (this->*find)(transaction)) {
      outcome_ = *std::move(found);
      return;
    }
  }
  if (task_.without_room) {
    outcome_ = {EnqueueVerdict::no_room, nullptr};
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
  return EnqueueOutcome{EnqueueVerdict::replayed, share(transaction, std::move(task))};
}

std::optional<EnqueueOutcome> EnqueueRequest::find_fresh(WriteTransaction& transaction) const {
  if (!task_.cache) return std::nullopt;
  CachedResultPtr fresh = transaction.cached().find_fresh(task_.type, *task_.cache);
  if (!fresh) return std::nullopt;
  return EnqueueOutcome{EnqueueVerdict::cached, nullptr, std::move(fresh)};
}

std::optional<EnqueueOutcome> EnqueueRequest::find_same(WriteTransaction& transaction) const {
  if (!task_.unique_key) return std::nullopt;
  TaskSnapshotPtr holder = transaction.find_holder(task_.type, *task_.unique_key);
  if (!holder) return std::nullopt;
  return EnqueueOutcome{EnqueueVerdict::deduplicated, share(transaction, std::move(holder))};
}

}  // namespace longhaul::storage
