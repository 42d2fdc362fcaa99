// The latest snapshots of tasks that changed not long ago, bounded by bytes; the least recently wanted go
// first. Only the store's writer puts, and only what is committed, so that what is here is never older than
// the database. A snapshot with a result over `max_result_bytes` is not kept: a few of those would push
// everything else out.
//
// Thread-safety: all methods, any thread. Ownership: snapshots are shared and const.
#pragma once

#include <cstddef>
#include <list>
#include <span>
#include <unordered_map>

#include "api/task.h"
#include "base/mutex.h"

namespace longhaul::storage {

class RecentTasks {
 public:
  static constexpr std::size_t max_result_bytes = 16 * 1024;

  explicit RecentTasks(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void put(std::span<const api::TaskSnapshotPtr> latest) EXCLUDES(mutex_);
  // The task is gone.
  void forget(api::TaskKey key) EXCLUDES(mutex_);
  // Null: not here.
  [[nodiscard]] api::TaskSnapshotPtr find(const api::TaskId& id) EXCLUDES(mutex_);
  [[nodiscard]] api::TaskSnapshotPtr find(api::TaskKey key) EXCLUDES(mutex_);
  [[nodiscard]] std::size_t bytes() EXCLUDES(mutex_);

 private:
  struct Entry {
    api::TaskSnapshotPtr task;
    std::size_t bytes = 0;
  };
  using Order = std::list<Entry>;  // most recently wanted first

  void put_one(const api::TaskSnapshotPtr& task) REQUIRES(mutex_);
  void drop(Order::iterator entry) REQUIRES(mutex_);
  [[nodiscard]] api::TaskSnapshotPtr touch(Order::iterator entry) REQUIRES(mutex_);

  const std::size_t max_bytes_;
  base::Mutex mutex_;
  Order order_ GUARDED_BY(mutex_);
  std::unordered_map<api::TaskKey, Order::iterator> by_key_ GUARDED_BY(mutex_);
  std::unordered_map<api::TaskId, Order::iterator> by_id_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
};

// What a snapshot takes in memory, roughly, with its places in the maps.
[[nodiscard]] std::size_t bytes_of(const api::TaskSnapshot& task);

}  // namespace longhaul::storage
