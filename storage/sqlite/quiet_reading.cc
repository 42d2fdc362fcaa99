#include "storage/sqlite/quiet_reading.h"

#include <system_error>

#include "storage/sqlite/database_lock.h"

namespace longhaul::storage {

FileMark read_file_mark(const std::string& path) {
  std::error_code ignored;
  FileMark mark;
  mark.is_quiet = !std::filesystem::exists(path + "-wal", ignored) &&
                  !std::filesystem::exists(path + "-journal", ignored) && !DatabaseLock::holder_of(path);
  mark.written = std::filesystem::last_write_time(path, ignored);
  mark.bytes = std::filesystem::file_size(path, ignored);
  return mark;
}

}  // namespace longhaul::storage
