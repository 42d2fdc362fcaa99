// Moves what the write-ahead log holds into the database file, so that the log stays short: its size on disk
// is about `pages_before` pages. The default of 2,000 is 8 MiB: long enough that a page changed many times is
// copied once, short enough to copy within milliseconds. While a reader holds on to an old state the log
// cannot be begun anew; readers that overlap without end are the writer's to hold back, once it is too long.
//
// SQLite's own automatic checkpoint runs inside the commit that crosses the mark, whose callers then wait for
// it. This one runs between two transactions, after the answers are out. It never waits for readers
// (PASSIVE). The file of the log is not cut afterwards but written from its beginning again, so that a sync
// has no new length to write down, which makes it faster. Only what a long reader has made too long is cut,
// by the first commit that begins the log anew.
//
// Belongs to the writer's thread. Errors: SqlError; a failed sync in here is as bad as one in a commit.
#pragma once

#include <cstddef>

struct sqlite3;

namespace longhaul::storage {

class Connection;

class Checkpointer {
 public:
  Checkpointer(Connection& connection, int pages_before);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Each says whether it did anything.
  // After each commit.
  bool run_if_due();
  // Four times as long as meant.
  [[nodiscard]] bool is_too_long() const { return frames_ >= too_long * pages_before_; }
  // Empties the log as far as readers let it, whatever its size.
  bool run();
  // The last one: leaves an empty log.
  bool finish();

 private:
  static constexpr int too_long = 4;
  static int on_commit(void* self, sqlite3* handle, const char* schema, int frames);
  bool checkpoint(int mode);

  Connection& connection_;
  const int pages_before_;
  int frames_ = 0;  // pages in the log, versions of one page each for itself
  int next_at_;
};

}  // namespace longhaul::storage
