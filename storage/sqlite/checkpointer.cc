#include "storage/sqlite/checkpointer.h"

#include <sqlite3.h>

#include <algorithm>

#include "storage/sqlite/connection.h"

namespace longhaul::storage {

Checkpointer::Checkpointer(Connection& connection) : connection_(connection) {
  sqlite3_wal_hook(connection_.handle(), &Checkpointer::on_commit, this);
}

int Checkpointer::on_commit(void* self, sqlite3* /*handle*/, const char* /*schema*/, int frames) {
  static_cast<Checkpointer*>(self)->frames_ = frames;
  return SQLITE_OK;
}

void Checkpointer::run_if_due() {
  if (frames_ < frames_before_checkpoint) next_at_ = frames_before_checkpoint;
  if (frames_ < next_at_) return;
  run();
  // When a reader kept it from being done, not after every commit again.
  next_at_ = frames_ + frames_before_checkpoint / 4;
}

void Checkpointer::run() { checkpoint(SQLITE_CHECKPOINT_PASSIVE); }
void Checkpointer::finish() { checkpoint(SQLITE_CHECKPOINT_TRUNCATE); }

void Checkpointer::checkpoint(int mode) {
  const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, mode, nullptr, nullptr);
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) return;
  throw SqlError(code, std::string("cannot move the write-ahead log into the database: ") +
                           sqlite3_errmsg(connection_.handle()));
}

}  // namespace longhaul::storage
