#include "storage/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <optional>

#include "base/unique_fd.h"
#include "embedded/migrations_sqlite.h"
#include "storage/sqlite/deliveries.h"
#include "storage/sqlite/migrator.h"

namespace longhaul::storage {
namespace {

// mmap_size=0: a read error of a mapped file is a signal, not an error code. temp_store: no temporary files
// on some other disk. busy_timeout: the server's own connections never wait for each other; it is for a
// person with a database shell.
constexpr const char* setup_of_every_connection =
    "PRAGMA busy_timeout = 5000;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA trusted_schema = OFF;";

// synchronous=FULL: a commit is synced before it returns. Checkpoints are the writer's business
// (checkpointer.h). Foreign keys are declared for the reader of the schema and for PRAGMA foreign_key_check
// in tests; enforcing them would cost a lookup for each row of rows that one transaction makes together
// anyway. Caches are in KiB and grow only as they are used.
constexpr const char* setup_of_writer =
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA foreign_keys = OFF;"
    "PRAGMA cache_size = -4096;";
constexpr const char* setup_of_reader =
    "PRAGMA query_only = ON;"
    "PRAGMA cache_size = -1024;";

std::optional<SteadyOffset> kept_offset(Statements& statements) {
  Query query = statements.use("kept_boot");
  if (!query.row()) return std::nullopt;
  return SteadyOffset{std::string(query.text(0)), base::Milliseconds(query.integer(1))};
}

std::string advice_for(const SqlError& error) {
  switch (error.primary()) {
    case SQLITE_CANTOPEN: return ". Is its folder there, and may this user write in it?";
    case SQLITE_NOTADB: return ". The file is something else: name another one for the database.";
    case SQLITE_READONLY: return ". May this user write it, and its folder?";
    case SQLITE_CORRUPT: return ". Restore it from a backup, or name another file.";
    case SQLITE_BUSY: return ". Another program has it open: close that one.";
    default: return "";
  }
}

// Asks of a new file that it can give space back; it must be asked before anything is in it, the mark of the
// write-ahead log included. In an older file this waits for `longhaul migrate --vacuum`.
void ask_for_shrinking(Connection& connection) {
  if (connection.integer("PRAGMA page_count") == 0) connection.execute("PRAGMA auto_vacuum = INCREMENTAL");
}

void set_up_for_writing(Connection& connection) {
  ask_for_shrinking(connection);
  const std::string mode = connection.text("PRAGMA journal_mode = WAL");
  if (mode != "wal")
    throw SqlError(SQLITE_CANTOPEN, "cannot use a write-ahead log here, only '" + mode + "'");
  connection.execute(setup_of_writer);
  // SQLite opens a file that it may not write for reading, and would say so at the first change only.
  if (connection.is_read_only()) throw SqlError(SQLITE_READONLY, "the file can only be read");
}

}  // namespace

// Payloads and results may be private; SQLite gives the write-ahead log the mode of the database.
void create_private_file(const DatabasePlace& place) {
  if (!place.vfs.empty()) return;
  const base::UniqueFd fd(::open(place.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  // When that fails, SQLite will say why.
}

std::unique_ptr<Connection> open_for_reading(const DatabasePlace& place) {
  auto connection = std::make_unique<Connection>(place.path, Connection::Mode::read_only, place.vfs);
  connection->execute(setup_of_every_connection);
  connection->execute(setup_of_reader);
  return connection;
}

std::unique_ptr<Connection> open_unchanging(const std::string& path) {
  auto connection = std::make_unique<Connection>(path, Connection::Mode::immutable, "");
  connection->execute(setup_of_every_connection);
  connection->execute(setup_of_reader);
  return connection;
}

base::Result<std::unique_ptr<Connection>> open_for_writing(const DatabasePlace& place) {
  try {
    auto connection = std::make_unique<Connection>(place.path, Connection::Mode::create, place.vfs);
    connection->execute(setup_of_every_connection);
    if (auto ours = check_is_ours(*connection, place.path); !ours) return base::fail(ours.error().message);
    set_up_for_writing(*connection);
    return connection;
  } catch (const SqlError& error) {
    return base::fail("cannot open the database " + place.path + ": " + error.what() + advice_for(error));
  }
}

base::Result<OpenedDatabase> open_database(const DatabasePlace& place, const SqlLibrary& library,
                                           const std::string& boot_id, const base::Clock& clock) {
  try {
    auto made = open_for_writing(place);
    if (!made) return base::fail(made.error().message);
    OpenedDatabase opened{std::move(*made), {}, {}};
    Connection& connection = *opened.writer;
    auto migrated = migrate(connection, place.path, embedded::migrations_sqlite(), clock.wall());
    if (!migrated) return base::fail(migrated.error().message);

    Statements statements(connection, library);
    const std::optional<SteadyOffset> kept = kept_offset(statements);
    opened.steady = choose_steady_offset(kept, boot_id, clock);
    if (kept != opened.steady) {
      statements.use("keep_boot").bind(opened.steady.boot_id, opened.steady.offset).run();
    }
    opened.callback_secret = keep_callback_secret(statements);
    return opened;
  } catch (const SqlError& error) {
    return base::fail("cannot open the database " + place.path + ": " + error.what() + advice_for(error));
  }
}

}  // namespace longhaul::storage
