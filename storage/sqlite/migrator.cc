#include "storage/sqlite/migrator.h"

#include <cassert>
#include <charconv>
#include <string_view>

namespace longhaul::storage {
namespace {

struct Migration {
  int number = 0;
  std::string_view name;
  std::string_view sql;
};

Migration read(const embedded::TextFile& file) {
  Migration migration{0, file.name, file.text};
  std::from_chars(file.name.data(), file.name.data() + file.name.size(), migration.number);
  return migration;
}

bool is_empty(Connection& connection) {
  return connection.integer("SELECT count(*) FROM sqlite_schema") == 0;
}

int version_of(Connection& connection) {
  if (is_empty(connection)) return 0;
  return static_cast<int>(connection.integer("SELECT max(number) FROM schema_migrations"));
}

// Undoes what was not committed, also when an exception passes.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {
    connection_.execute("BEGIN IMMEDIATE");
  }
  ~Transaction() {
    if (connection_.autocommit()) return;
    try {
      connection_.execute("ROLLBACK");
    } catch (const SqlError&) {  // NOLINT(bugprone-empty-catch): SQLite has rolled back by itself
    }
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() { connection_.execute("COMMIT"); }

 private:
  Connection& connection_;
};

void record(Connection& connection, const Migration& migration, base::WallTime now) {
  connection.execute("INSERT INTO schema_migrations (number, name, applied_at) VALUES (" +
                     std::to_string(migration.number) + ", '" + std::string(migration.name) + "', " +
                     std::to_string(now.time_since_epoch().count()) + ")");
}

void apply(Connection& connection, const Migration& migration, base::WallTime now) {
  Transaction transaction(connection);
  // Somebody else may have done it since we looked.
  if (version_of(connection) >= migration.number) return;
  if (is_empty(connection)) {
    connection.execute("PRAGMA application_id = " + std::to_string(application_id));
    connection.execute(
        "CREATE TABLE schema_migrations (\n"
        "  number     INTEGER PRIMARY KEY,\n"
        "  name       TEXT    NOT NULL,\n"
        "  applied_at INTEGER NOT NULL\n"
        ") STRICT");
  }
  connection.execute(std::string(migration.sql));
  record(connection, migration, now);
  transaction.commit();
}

}  // namespace

base::Result<void> check_is_ours(Connection& connection, const std::string& path) {
  // Empty first: asked the other way round, a migration committed between the two shows no id, then tables.
  if (is_empty(connection) && connection.integer("PRAGMA application_id") == 0) return {};
  if (connection.integer("PRAGMA application_id") == application_id) return {};
  return base::fail(path +
                    " is an SQLite database, but not one of longhaul's. Name another file for the database.");
}

base::Result<MigrationReport> migrate(Connection& connection, const std::string& path,
                                      std::span<const embedded::TextFile> migrations, base::WallTime now) {
  if (auto ours = check_is_ours(connection, path); !ours) return base::fail(ours.error().message);

  MigrationReport report{version_of(connection), 0};
  const int known = migrations.empty() ? 0 : read(migrations.back()).number;
  if (report.before > known) {
    return base::fail(
        "the database " + path + " has schema version " + std::to_string(report.before) +
        ", and this longhaul knows versions up to " + std::to_string(known) +
        ": a newer longhaul has migrated it. Run that version or a later one, or name another file for "
        "the database.");
  }
  for (const embedded::TextFile& file : migrations) {
    const Migration migration = read(file);
    assert(migration.number > report.after);  // numbered in order
    if (migration.number > report.before) apply(connection, migration, now);
    report.after = migration.number;
  }
  return report;
}

}  // namespace longhaul::storage
