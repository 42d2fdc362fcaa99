// Opens a database for the store: makes the file, sets each connection up, migrates, and finds the steady
// timeline. The errors name the file and say what to do. Thread-safety: one call at a time for a path.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "storage/sqlite/connection.h"
#include "storage/steady_offset.h"

namespace longhaul::storage {

struct DatabasePlace {
  std::string path;
  std::string vfs;  // empty: the system's own
};

// Makes the file when it is missing, readable for its owner only, so that it has one real name to be locked
// by. Does nothing with a VFS of one's own.
void create_private_file(const DatabasePlace& place);

struct OpenedDatabase {
  std::unique_ptr<Connection> writer;  // the only connection that may write
  SteadyOffset steady;
  std::string callback_secret;
};
// Opens for writing and brings the file up to date. A file that is not longhaul's stays as it is.
[[nodiscard]] base::Result<OpenedDatabase> open_database(const DatabasePlace& place,
                                                         const SqlLibrary& library,
                                                         const std::string& boot_id,
                                                         const base::Clock& clock);

// The connection of somebody who may write, of which there is to be one (database_lock.h); nothing is brought
// up to date. A file that is not longhaul's stays as it is.
[[nodiscard]] base::Result<std::unique_ptr<Connection>> open_for_writing(const DatabasePlace& place);

// A connection that only reads, of which there may be many. Throws SqlError.
[[nodiscard]] std::unique_ptr<Connection> open_for_reading(const DatabasePlace& place);
// The same for a file that nobody writes for as long as the connection is there (quiet_reading.h).
[[nodiscard]] std::unique_ptr<Connection> open_unchanging(const std::string& path);

}  // namespace longhaul::storage
