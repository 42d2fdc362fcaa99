// A copy of a database, taken while a server may be using it: the state of one moment, whatever is written
// meanwhile. It is made under the name `<to>.tmp`, synced, looked through (integrity_check, and as many tasks
// as the original had at that moment), and only then given its name, so that a file of that name is a whole
// backup. It is one file, readable for its owner only; a server opens it like any database.
//
// The server goes on meanwhile; its write-ahead log cannot be begun anew until the copy is done, so it grows
// by what is written in that time, and is cut again afterwards.
//
// Thread-safety: one call at a time for a path; a second process that writes the same backup is refused.
// Errors name the file and what to do; a failed backup leaves nothing behind.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace longhaul::storage {

struct BackupOptions {
  std::string from;
  std::string to;
  bool overwrite = false;  // what is at `to` already; else that is an error
  // If set, told now and then how far the copy is, in pages.
  std::function<void(std::int64_t done, std::int64_t all)> on_progress;
};

struct BackupReport {
  std::int64_t bytes = 0;
  std::int64_t tasks = 0;
  int schema_version = 0;
};

[[nodiscard]] base::Result<BackupReport> back_up(const BackupOptions& options);

}  // namespace longhaul::storage
