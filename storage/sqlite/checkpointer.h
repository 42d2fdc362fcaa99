// Moves what the write-ahead log holds into the database file, so that the log stays short: its size on disk is about
// `frames_before_checkpoint` pages, more only while a reader holds on to an old state, which readers here do for milliseconds.
//
// SQLite's own automatic checkpoint runs inside the commit that crosses the mark, whose callers then wait for it. This one runs
// between two transactions, after the answers are out. It never waits for readers (PASSIVE). The file of the log is not cut
// afterwards but written from its beginning again, so that a sync has no new length to write down, which makes it faster.
//
// Belongs to the writer's thread. Errors: SqlError; a failed sync in here is as bad as one in a commit.
#pragma once

#include <cstddef>

struct sqlite3;

namespace longhaul::storage {

class Connection;

class Checkpointer {
 public:
  // 8 MiB of pages: long enough that a page changed many times is copied once, short enough to copy within milliseconds.
  static constexpr int frames_before_checkpoint = 2'000;

  explicit Checkpointer(Connection& connection);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // After each commit.
  void run_if_due();
  // Empties the log as far as readers let it, whatever its size.
  void run();
  // The last one: leaves an empty log.
  void finish();

  [[nodiscard]] int frames() const { return frames_; }

 private:
  static int on_commit(void* self, sqlite3* handle, const char* schema, int frames);
  void checkpoint(int mode);

  Connection& connection_;
  int frames_ = 0;     // in the log
  int next_at_ = frames_before_checkpoint;
};

}  // namespace longhaul::storage
