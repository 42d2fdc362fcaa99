#include "storage/recent_tasks.h"

#include <string>

namespace longhaul::storage {
namespace {

// List and map nodes, control block, allocator's own.
constexpr std::size_t bookkeeping_bytes = 256;

// Short texts live inside the string object.
std::size_t heap_bytes(const std::string& text) {
  return text.capacity() <= std::string().capacity() ? 0 : text.capacity() + 1;
}

}  // namespace

std::size_t bytes_of(const api::TaskSnapshot& task) {
  std::size_t bytes = bookkeeping_bytes + sizeof task + heap_bytes(task.type) + heap_bytes(task.queue);
  for (const auto& tag : task.tags) bytes += sizeof tag + heap_bytes(tag.first) + heap_bytes(tag.second);
  if (task.stop_reason) bytes += heap_bytes(*task.stop_reason);
  if (task.progress) bytes += heap_bytes(task.progress->message);
  if (task.result) bytes += heap_bytes(task.result->text);
  if (task.error) {
    bytes += heap_bytes(task.error->code) + heap_bytes(task.error->message);
    if (task.error->reason) bytes += heap_bytes(*task.error->reason);
  }
  return bytes;
}

void RecentTasks::put(std::span<const api::TaskSnapshotPtr> latest) {
  const base::MutexLock lock(mutex_);
  for (const api::TaskSnapshotPtr& task : latest) put_one(task);
}

void RecentTasks::forget(api::TaskKey key) {
  const base::MutexLock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) drop(found->second);
}

void RecentTasks::put_one(const api::TaskSnapshotPtr& task) {
  const bool too_big = task->result && task->result->text.size() > max_result_bytes;
  const auto found = by_key_.find(task->key);
  if (too_big) {
    if (found != by_key_.end()) drop(found->second);
    return;
  }
  const std::size_t bytes = bytes_of(*task);
  if (found != by_key_.end()) {
    Entry& entry = *found->second;
    bytes_ = bytes_ - entry.bytes + bytes;
    entry = {task, bytes};
    order_.splice(order_.begin(), order_, found->second);
  } else {
    order_.push_front({task, bytes});
    by_key_.emplace(task->key, order_.begin());
    by_id_.emplace(task->id, order_.begin());
    bytes_ += bytes;
  }
  while (bytes_ > max_bytes_ && !order_.empty()) drop(std::prev(order_.end()));
}

void RecentTasks::drop(Order::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->task->key);
  by_id_.erase(entry->task->id);
  order_.erase(entry);
}

api::TaskSnapshotPtr RecentTasks::touch(Order::iterator entry) {
  order_.splice(order_.begin(), order_, entry);
  return entry->task;
}

api::TaskSnapshotPtr RecentTasks::find(const api::TaskId& id) {
  const base::MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : touch(found->second);
}

api::TaskSnapshotPtr RecentTasks::find(api::TaskKey key) {
  const base::MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : touch(found->second);
}

std::size_t RecentTasks::bytes() {
  const base::MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace longhaul::storage
