// Keeps two servers from sharing a database: an exclusive lock on `<database>.lock`, held for as long as this
// object lives and given up by the kernel when the process ends, however it ends. The file holds the pid of
// the holder and a note of its own, for commands on the same machine, and stays behind. SQLite's own locks would let two servers write in turns; each would then
// trust caches that the other has made wrong.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace longhaul::storage {

class DatabaseLock {
 public:
  // The error names the lock file and who holds it, or says why this cannot be a database: it is not a
  // regular file, or has a second name (hard link), which would have a second lock.
  [[nodiscard]] static base::Result<DatabaseLock> take(const std::string& database);
  // Who holds it now: "process 17". Nothing: nobody does, as far as this user can tell. Takes nothing.
  [[nodiscard]] static std::optional<std::string> holder_of(const std::string& database);

  struct Holder {
    pid_t pid = 0;     // 0: it could not write it down
    std::string note;  // empty, or lines, the last one ended
  };
  // The same with all that the file says. Nothing: nobody holds it.
  [[nodiscard]] static std::optional<Holder> read_holder(const std::string& database);
  // For the holder: takes the place of its note before. At most max_note_bytes are kept.
  static constexpr std::size_t max_note_bytes = 16 * 1024;
  [[nodiscard]] static base::Result<void> leave_note(const std::string& database, std::string_view note);

 private:
  explicit DatabaseLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace longhaul::storage
