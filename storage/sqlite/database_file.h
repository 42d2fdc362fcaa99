// A database file looked at and looked after from outside of a server: `longhaul migrate` and
// `longhaul doctor`. Thread-safety: one call at a time for a path. Errors name the file and what to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "storage/sqlite/migrator.h"

namespace longhaul::storage {

struct UpgradeOptions {
  std::string path;
  // Writes the file anew: without gaps, and able to give space back from then on. Takes as much disk again.
  bool vacuum = false;
  const base::Clock* clock = nullptr;
};
struct UpgradeReport {
  MigrationReport schema;
  std::int64_t bytes_before = 0;
  std::int64_t bytes_after = 0;
  bool gives_space_back = false;  // made with, or written anew for, incremental vacuum
};
// Brings an existing database to the schema of this program. Takes its lock, so no server may have it open.
[[nodiscard]] base::Result<UpgradeReport> upgrade_database(const UpgradeOptions& options);

struct DatabaseHealth {
  bool exists = false;
  std::string damage;  // what is wrong with it; empty: nothing was found
  int schema_version = 0;
  int known_version = 0;  // that this program brings it to
  std::int64_t tasks = 0;
  std::int64_t bytes = 0;
  std::int64_t free_bytes = 0;  // within the file
  std::int64_t log_bytes = 0;   // the write-ahead log beside it
  bool gives_space_back = false;
  std::optional<std::string> used_by;               // who holds its lock: "process 17"
  std::optional<std::uint64_t> free_on_disk_bytes;  // for a user without privileges, in its folder
};
// Only reads, also beside a running server. With `thorough`, SQLite looks through the whole file
// (quick_check).
[[nodiscard]] DatabaseHealth examine_database(const std::string& path, bool thorough);

// Of the library that is linked.
[[nodiscard]] std::string_view sqlite_version();

}  // namespace longhaul::storage
