// The embedded engine: one SQLite file in WAL mode, synchronous=FULL. One writer thread owns the only write
//   connection and commits what has queued up in one transaction (group commit); readers are short queries on
//   read-only connections. Everything else is promised in storage/store.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "storage/store.h"

namespace longhaul::storage {

struct SqliteOptions {
  std::string path = "longhaul.db";
  std::string vfs;  // empty: the system's own; tests name theirs
  std::size_t max_waiting_starts = 20'000;
  std::size_t max_waiting_start_bytes = 64 * 1024 * 1024;  // of payloads
  std::size_t max_batch = 1'000;                           // changes in one transaction
  std::size_t read_connections = 2;
  int checkpoint_pages = 2'000;  // of the write-ahead log, before they are moved into the database
  std::int64_t max_cache_bytes = 64 * 1024 * 1024;  // of results kept for starts to come; 0: none is kept
  std::size_t recent_bytes = 8 * 1024 * 1024;       // of snapshots kept in memory
  std::size_t log_lane_bytes = 16 * 1024 * 1024;
  // Starts are refused while less is free on the disk, so that what runs can still be ended and written down.
  std::uint64_t min_free_bytes = 64 * 1024 * 1024;
  std::function<std::uint64_t()> free_bytes;  // empty: asks the file system of `path`
  const base::Clock* clock = nullptr;         // required; not owned
  std::string boot_id;                        // empty: this boot of the machine; tests name theirs
  // Called once, on the writer's thread, when the database cannot be trusted any more (a failed sync, a full
  // rollback that failed). Must end the process; the default writes the message to the log and calls
  // _exit(70).
  std::function<void(const std::string& message)> on_fatal;
};

// Opens or creates the database, migrates it and takes its lock; the errors name the file and what to do.
// start() then runs the writer.
[[nodiscard]] base::Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);

}  // namespace longhaul::storage
