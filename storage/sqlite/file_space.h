// How much of the database file is in use, and giving back what is not. Free pages are used again before the
// file grows, so a few are kept; the rest is cut off the end of the file in pieces, which takes a file that
// was made for it (PRAGMA auto_vacuum = INCREMENTAL, before its first table; or `longhaul migrate --vacuum`).
//
// Belongs to the thread of the connection. Errors: SqlError.
#pragma once

#include <cstdint>

#include "storage/sqlite/connection.h"

namespace longhaul::storage {

struct FileSpace {
  std::int64_t page_bytes = 0;
  std::int64_t pages = 0;
  std::int64_t free_pages = 0;
  [[nodiscard]] std::int64_t used_bytes() const { return (pages - free_pages) * page_bytes; }
};
[[nodiscard]] FileSpace read_file_space(Statements& statements);

// Free pages that stay in the file.
inline constexpr std::int64_t spare_bytes = 1024 * 1024;

// Frees a few dozen pages at the end of the file. False: there is nothing to give back, or it cannot be.
// Inside a write transaction; the file itself gets shorter with the next checkpoint.
[[nodiscard]] bool give_space_back(Statements& statements);

}  // namespace longhaul::storage
