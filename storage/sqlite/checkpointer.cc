#include "storage/sqlite/checkpointer.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "storage/sqlite/connection.h"

namespace longhaul::storage {

Checkpointer::Checkpointer(Connection& connection, int pages_before)
    : connection_(connection), pages_before_(pages_before), next_at_(pages_before) {
  sqlite3_wal_hook(connection_.handle(), &Checkpointer::on_commit, this);
  const std::int64_t page_bytes = connection_.integer("PRAGMA page_size");
  connection_.execute("PRAGMA journal_size_limit = " + std::to_string(too_long * pages_before * page_bytes));
}

int Checkpointer::on_commit(void* self, sqlite3* /*handle*/, const char* /*schema*/, int frames) {
  static_cast<Checkpointer*>(self)->frames_ = frames;
  return SQLITE_OK;
}

bool Checkpointer::run_if_due() {
  if (frames_ < pages_before_) next_at_ = pages_before_;
  if (frames_ < next_at_) return false;
  // When a reader or a full disk keeps it from being done, not after every commit again.
  next_at_ = frames_ + pages_before_ / 4;
  return run();
}

bool Checkpointer::run() { return checkpoint(SQLITE_CHECKPOINT_PASSIVE); }
bool Checkpointer::finish() { return checkpoint(SQLITE_CHECKPOINT_TRUNCATE); }

bool Checkpointer::checkpoint(int mode) {
  int logged = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, mode, &logged, &moved);
  if (code == SQLITE_OK && moved >= logged) frames_ = 0;  // the next commit begins the log anew
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) return true;
  throw SqlError(code, std::string("cannot move the write-ahead log into the database: ") +
                           sqlite3_errmsg(connection_.handle()));
}

}  // namespace longhaul::storage
