// Keeps two servers from sharing a database: an exclusive lock on `<database>.lock`, held for as long as this
// object lives and given up by the kernel when the process ends, however it ends. The file holds the pid of
// the holder, and stays behind. SQLite's own locks would let two servers write in turns; each would then
// trust caches that the other has made wrong.
#pragma once

#include <optional>
#include <string>

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

 private:
  explicit DatabaseLock(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace longhaul::storage
