// The embedded SQL: every statement is sound, and none looks through a whole table that grows.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <set>
#include <string>

#include "storage/sqlite/migrator.h"

namespace longhaul::tests {
namespace {

using namespace storage;  // NOLINT: tests speak the store's language

struct Fresh {
  Fresh() { REQUIRE(migrate(connection, "memory", embedded::migrations_sqlite(), {})); }
  Connection connection{":memory:", Connection::Mode::create, ""};
  SqlLibrary library{embedded::queries_sqlite()};
};

}  // namespace

TEST_CASE("sqlite: every statement can be prepared") {
  Fresh database;
  CHECK(database.library.all().size() > 30);
  for (const auto& entry : database.library.all()) {
    const auto& name = entry.first;
    const auto& sql = entry.second;
    CAPTURE(name);
    Statements statements(database.connection, database.library);
    CHECK_NOTHROW(static_cast<void>(statements.use(name)));
    CHECK(sql.ends_with(';'));
  }
}

TEST_CASE("sqlite: an unknown statement is our mistake") {
  const SqlLibrary library{embedded::queries_sqlite()};
  CHECK_THROWS_AS(static_cast<void>(library.text("no_such_statement")), std::logic_error);
}

TEST_CASE("sqlite: statements go by an index") {
  Fresh database;
  // Run once at start; three count what is queued, what is owed, and everything, within an index. And of registered
  // webhooks there are a hundred at most.
  const std::set<std::string_view> may_scan = {"ready_lanes", "count_all",    "count_owed_deliveries",
                                               "kept_boot",   "all_webhooks", "count_webhooks"};
  for (const auto& entry : database.library.all()) {
    const auto& name = entry.first;
    const auto& sql = entry.second;
    if (may_scan.contains(name)) continue;
    CAPTURE(name);
    const std::string explain = "EXPLAIN QUERY PLAN " + std::string(sql);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(database.connection.handle(), explain.c_str(), -1, &statement, nullptr) ==
            SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const std::string step = reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
      CAPTURE(step);
      // The rows of a subquery were found by one, and a virtual table is the list that a caller gives.
      const bool is_list = step.find("VIRTUAL TABLE") != std::string::npos;
      CHECK_FALSE((step.starts_with("SCAN") && !step.starts_with("SCAN (subquery") && !is_list));
      // Sorting is for what is small: the attempts that run.
      if (name != "open_attempts") CHECK(step.find("TEMP B-TREE") == std::string::npos);
    }
    sqlite3_finalize(statement);
  }
}

// Such as SQLite makes for a CHECK with `x IN (...)` of three values and more, each time that it checks a row:
// dearer than to write the row.
TEST_CASE("sqlite: writing a row makes no table beside it") {
  Fresh database;
  for (const auto& entry : database.library.all()) {
    const auto& name = entry.first;
    const auto& sql = entry.second;
    if (!sql.starts_with("INSERT") && !sql.starts_with("UPDATE")) continue;
    CAPTURE(name);
    const std::string explain = "EXPLAIN " + std::string(sql);
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_prepare_v2(database.connection.handle(), explain.c_str(), -1, &statement, nullptr) ==
            SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const std::string step = reinterpret_cast<const char*>(sqlite3_column_text(statement, 1));
      CHECK(step != "OpenEphemeral");
    }
    sqlite3_finalize(statement);
  }
}

TEST_CASE("sqlite: the schema refuses tasks that cannot be") {
  Fresh database;
  const std::string begin =
      "INSERT INTO tasks (id, type, queue, priority, state, revision, attempt, max_attempts, created_at, "
      "run_at, token, "
      "started_at, finished_at, due_wall, due_steady, deadline_wall, expiry_steady, stop_cause, stop_reason, "
      "error) "
      "VALUES (randomblob(16), 't', 'q', 0, ";
  const auto is_refused = [&](const std::string& values) {
    try {
      database.connection.execute(begin + values + ")");
      return false;
    } catch (const SqlError& error) {
      return error.primary() == SQLITE_CONSTRAINT;
    }
  };
  // clang-format off
  //                       state, revision, attempt, max, created, run, token, started, finished, due x2, deadline, expiry, cause, reason, error
  CHECK_FALSE(is_refused("'queued',      1, 0, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK_FALSE(is_refused("'running',     2, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, 9,    NULL, NULL, NULL, NULL"));
  CHECK_FALSE(is_refused("'cancelling',  3, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, 'cancel', 'r', NULL"));
  CHECK_FALSE(is_refused("'failed',      3, 1, 1, 0, 0, 5,    1,    2,    NULL, NULL, NULL, NULL, NULL, NULL, '{}'"));
  CHECK(is_refused("'unheard_of',  1, 0, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'queued',      0, 0, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'queued',      1, 1, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'queued',      1, 0, 1, 0, 0, NULL, NULL, 9,    NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'queued',      1, 0, 1, 0, 0, NULL, NULL, NULL, 9,    NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'queued',      1, 0, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}'"));
  CHECK(is_refused("'running',     2, 1, 1, 0, 0, NULL, 1,    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'running',     2, 0, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'running',     2, 2, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'running',     2, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, 9,    NULL, NULL, NULL"));
  CHECK(is_refused("'running',     2, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, 'cancel', NULL, NULL"));
  CHECK(is_refused("'cancelling',  3, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'cancelling',  3, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, 9,    NULL, 'cancel', NULL, NULL"));
  CHECK(is_refused("'cancelling',  3, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, 'timeout', 'r', NULL"));
  CHECK(is_refused("'failed',      3, 1, 1, 0, 0, 5,    1,    2,    NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'failed',      3, 1, 1, 0, 0, 5,    1,    NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}'"));
  CHECK(is_refused("'scheduled',   1, 0, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"));
  CHECK(is_refused("'scheduled',   1, 0, 1, 0, 0, NULL, NULL, NULL, 9,    9,    NULL, NULL, NULL, NULL, NULL"));
  // clang-format on
}

}  // namespace longhaul::tests
