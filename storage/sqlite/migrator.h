// Brings a database to the schema that this program was built with. Migrations are numbered files
// (migrations/sqlite/NNNN_*.sql), compiled in, never edited once released; each runs in a transaction of its
// own together with the row that records it.
//
// Safe to repeat, and safe when two connections do it at once. Refuses, changing nothing: a file that is not
// longhaul's (by SQLite's application_id), and a database that a newer longhaul has migrated further. Not
// thread-safe for one Connection.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "embedded/migrations_sqlite.h"
#include "storage/sqlite/connection.h"

namespace longhaul::storage {

// "lngh" in ASCII; `file` shows it, and so does PRAGMA application_id.
inline constexpr std::int64_t application_id = 0x6C6E6768;

// An error unless the file is new or has longhaul's application_id. Only reads.
[[nodiscard]] base::Result<void> check_is_ours(Connection& connection, const std::string& path);

struct MigrationReport {
  int before = 0;
  int after = 0;
};

// `path` is for the messages. May also throw SqlError, for what SQLite itself refuses.
[[nodiscard]] base::Result<MigrationReport> migrate(Connection& connection, const std::string& path,
                                                    std::span<const embedded::TextFile> migrations,
                                                    base::WallTime now);

}  // namespace longhaul::storage
