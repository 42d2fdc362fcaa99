// Reads a database from outside of the server that may be using it, and leaves no file behind that was not
// there: SQLite makes a log and its index beside a file that it reads in this mode, also when nobody writes.
//
// Where nobody has the database open, it is read as a file that does not change. Whether that was true is
// looked at afterwards; if not, it is read again the other way, beside the server that has come meanwhile.
// `how` takes a Connection& and may therefore be called twice; its first result, or error, is then dropped:
// pages read from under a server's hands do not fit together.
// Thread-safety: any thread. Errors: SqlError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/sqlite/connection.h"
#include "storage/sqlite/database.h"

namespace longhaul::storage {

// What tells that somebody has the file open, or had.
struct FileMark {
  bool is_quiet = false;
  std::filesystem::file_time_type written;
  std::uintmax_t bytes = 0;
  friend bool operator==(const FileMark&, const FileMark&) = default;
};
[[nodiscard]] FileMark read_file_mark(const std::string& path);

template <class How>
auto read_quietly(const std::string& path, const How& how) {
  const FileMark before = read_file_mark(path);
  if (before.is_quiet) {
    std::optional<decltype(how(std::declval<Connection&>()))> found;
    try {
      const auto connection = open_unchanging(path);
      found = how(*connection);
    } catch (const SqlError&) {
      if (read_file_mark(path) == before) throw;
    }
    if (found && read_file_mark(path) == before) return *std::move(found);
  }
  const auto connection = open_for_reading({path, ""});
  return how(*connection);
}

}  // namespace longhaul::storage
