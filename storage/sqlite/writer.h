// The one thread that changes the database. It takes what has queued up, runs it in one transaction, commits
// and syncs once, and then tells: memory first, then observers, then callers, each in the order of the
// changes.
//
// A request that fails does not take others with it. Instead of a savepoint for each, which would copy every
// page it touches, the transaction is run without any; when a request fails, all of it is rolled back and
// each gets a transaction of its own. That is as safe, for nothing of a failed transaction is kept, and
// failing is rare: it takes a full disk or a mistake of ours.
//
// Nearly full disk: starts are refused, so that there is room to end what runs. Full disk: the rest is
//   tried all the same, and the server goes on. Fatal: a failed sync, read or write, or a file that makes no
//   sense; then the handler is called once, nothing more is written, and all that waits is refused.
//
// Thread-safety: add_observer before start(); start and stop once. Not owned: queue, memory, counts,
//   readers,
//   meters, clock, observers.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "storage/recent_tasks.h"
#include "storage/sqlite/checkpointer.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/reader_pool.h"
#include "storage/sqlite/write_queue.h"
#include "storage/sqlite/write_transaction.h"
#include "storage/store_meters.h"
#include "storage/task_counts.h"

namespace longhaul::storage {

class Writer {
 public:
  struct Parts {
    WriteQueue* queue = nullptr;
    RecentTasks* recent = nullptr;
    TaskCounts* counts = nullptr;
    ReaderPool* readers = nullptr;
    std::function<Now()> now;
    std::function<std::uint64_t()> free_bytes;  // on the disk
    std::uint64_t min_free_bytes = 0;
    int checkpoint_pages = 2'000;
    const std::atomic<std::int64_t>* max_cache_bytes = nullptr;
    StoreMeters* meters = nullptr;
    const base::Clock* clock = nullptr;
    std::function<void(const std::string& message)> on_fatal;
  };
  Writer(std::unique_ptr<Connection> connection, const SqlLibrary& library, Parts parts);
  ~Writer() { stop(); }

  void add_observer(StoreObserver* observer) { observers_.push_back(observer); }
  [[nodiscard]] base::Result<void> start();
  // Writes what has been taken, empties the write-ahead log and closes the connection.
  void stop();

  // Before start(): for reading what the database holds.
  [[nodiscard]] Statements& statements() { return *statements_; }

 private:
  // Why a transaction was rolled back.
  struct Failure {
    StoreError error;
    bool is_fatal = false;
    bool is_busy = false;  // somebody else holds the database
    [[nodiscard]] bool is_full() const { return error.fault == StoreFault::storage_full; }
  };
  using Requests = std::span<const std::unique_ptr<WriteRequest>>;

  void run();
  // Takes the starts out of the batch and refuses them when the disk is nearly full.
  void refuse_starts_without_room(Batch& batch);
  void write(Requests requests);
  void write_one_by_one(Requests requests, const Failure& together);
  [[nodiscard]] std::optional<Failure> try_transaction(Requests requests);
  [[nodiscard]] std::optional<Failure> roll_back(Failure failure);
  void commit(Requests requests);
  void count_published();
  void publish(Requests requests);
  void checkpoint(bool (Checkpointer::*how)());
  void shorten_log();
  void die(const std::string& why);
  void close();

  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Statements> statements_;
  const Parts parts_;
  WriteTransaction transaction_;
  Checkpointer checkpointer_;
  std::vector<StoreObserver*> observers_;
  bool checkpoint_failed_ = false;  // and it was said
  bool refuses_starts_ = false;     // for want of space, and it was said
  bool dead_ = false;               // the writer's thread, and stop() after it has ended
  std::thread thread_;
};

}  // namespace longhaul::storage
