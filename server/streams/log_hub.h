// Brings the logs of tasks to those who follow them: says when there is something new, and reads it off the loop, for
// all who are at the same place of the same log together.
//
// Race-free use: follow() first, then read(): what is committed behind the read is told of.
//
// Thread-safety: on_committed() and on_noted() on the store's writer thread, which only look whether somebody follows
// the task; all else on the loop's thread. Ownership: a follower leaves before it dies; server, store and readers
// outlive the hub's use, and the hub the running of the loop and of the readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/task_id.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/http/http_server.h"
#include "storage/store.h"

namespace longhaul::server {

class LogFollower {
 public:
  LogFollower() = default;
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;
  virtual ~LogFollower() = default;
  // There may be new lines, or the task is over.
  virtual void on_log_news() = 0;
};

// Lines from one place on, as events of an event stream.
struct LogPiece {
  bool is_read = false;  // false: the database could not be read, or there is no such task any more
  std::shared_ptr<const std::string> events;
  std::int64_t last = 0;       // the number of the last line in it, or of the place where it was read
  bool may_have_more = false;  // it was as much as is read at once
  bool is_final = false;       // the task was over before this was read
  bool truncated = false;      // lines were dropped
};

class LogHub final : public storage::StoreObserver {
 public:
  using Take = std::function<void(const LogPiece&)>;

  LogHub(HttpServer& server, storage::Store& store, base::ThreadPool& readers)
      : server_(server), store_(store), readers_(readers) {}

  void follow(const api::TaskId& id, LogFollower* follower) EXCLUDES(mutex_);
  void leave(const api::TaskId& id, LogFollower* follower) EXCLUDES(mutex_);

  // Calls `take` once, later. False: too much is to be read already, and it is not called.
  [[nodiscard]] bool read(const api::TaskId& id, std::int64_t after, Take take);

  void on_committed(std::span<const storage::TaskChange> changes) override EXCLUDES(mutex_);
  void on_noted(std::span<const storage::NotedTask> noted) override EXCLUDES(mutex_);

 private:
  using Place = std::pair<api::TaskId, std::int64_t>;
  using Ids = std::vector<api::TaskId>;
  using Followers = std::unordered_set<LogFollower*>;

  void tell(Ids ids);
  void tell_followers_of(const api::TaskId& id) EXCLUDES(mutex_);
  void hand_out(const LogPiece& piece, std::vector<Take> takers, std::size_t from);

  HttpServer& server_;
  storage::Store& store_;
  base::ThreadPool& readers_;
  std::map<Place, std::vector<Take>> reading_;  // the loop's thread alone

  base::Mutex mutex_;
  std::unordered_map<api::TaskId, Followers> by_task_ GUARDED_BY(mutex_);
};

// Reads the store: not on the loop's thread.
[[nodiscard]] LogPiece read_log_piece(storage::Store& store, const api::TaskId& id, std::int64_t after);

}  // namespace longhaul::server
