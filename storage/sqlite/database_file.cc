#include "storage/sqlite/database_file.h"

#include <sqlite3.h>
#include <sys/statvfs.h>

#include <cassert>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "storage/sqlite/database.h"
#include "storage/sqlite/database_lock.h"
#include "storage/sqlite/quiet_reading.h"

namespace longhaul::storage {
namespace {

std::int64_t file_bytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) && file_bytes(path) > 0;
}

bool gives_space_back(Connection& connection) { return connection.integer("PRAGMA auto_vacuum") == 2; }

int known_version() {
  int number = 0;
  for (const embedded::TextFile& file : embedded::migrations_sqlite())
    std::from_chars(file.name.data(), file.name.data() + file.name.size(), number);
  return number;
}

std::optional<std::uint64_t> free_on_disk(const std::string& path) {
  const auto folder = std::filesystem::absolute(path).parent_path();
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return std::nullopt;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

DatabaseHealth read_database(Connection& connection, const std::string& path, bool thorough) {
  DatabaseHealth health;
  if (auto ours = check_is_ours(connection, path); !ours) {
    health.damage = ours.error().message;
    return health;
  }
  health.schema_version = static_cast<int>(connection.integer("SELECT max(number) FROM schema_migrations"));
  health.free_bytes = connection.integer("PRAGMA freelist_count") * connection.integer("PRAGMA page_size");
  health.gives_space_back = gives_space_back(connection);
  health.tasks = connection.integer("SELECT count(*) FROM tasks");
  if (!thorough) return health;
  const std::string verdict = connection.text("PRAGMA quick_check(1)");
  if (verdict != "ok") health.damage = verdict;
  return health;
}

}  // namespace

base::Result<UpgradeReport> upgrade_database(const UpgradeOptions& options) {
  assert(options.clock != nullptr);
  const std::string& path = options.path;
  if (!is_there(path))
    return base::fail("there is no database " + path + "; a server makes one when it starts");
  const auto lock = DatabaseLock::take(path);
  if (!lock) return base::fail(lock.error().message);
  try {
    UpgradeReport report;
    auto connection = open_for_writing({path, ""});
    if (!connection) return base::fail(connection.error().message);
    Connection& database = **connection;
    report.bytes_before = file_bytes(path);
    auto migrated = migrate(database, path, embedded::migrations_sqlite(), options.clock->wall());
    if (!migrated) return base::fail(migrated.error().message);
    report.schema = *migrated;
    if (options.vacuum) {
      database.execute("PRAGMA auto_vacuum = INCREMENTAL");
      database.execute("VACUUM");
    }
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    report.gives_space_back = gives_space_back(database);
    report.bytes_after = file_bytes(path);
    return report;
  } catch (const SqlError& error) {
    return base::fail("cannot bring the database " + path + " up to date: " + error.what());
  }
}

DatabaseHealth examine_database(const std::string& path, bool thorough) {
  DatabaseHealth health;
  if (is_there(path)) {
    try {
      health = read_quietly(
          path, [&](Connection& connection) { return read_database(connection, path, thorough); });
    } catch (const SqlError& error) {
      health.damage = error.what();
    }
    health.exists = true;
    health.bytes = file_bytes(path);
    health.log_bytes = file_bytes(path + "-wal");
    health.used_by = DatabaseLock::holder_of(path);
  }
  health.known_version = known_version();
  health.free_on_disk_bytes = free_on_disk(path);
  return health;
}

std::string_view sqlite_version() { return sqlite3_libversion(); }

}  // namespace longhaul::storage
