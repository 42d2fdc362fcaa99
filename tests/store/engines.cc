#include "tests/store/engines.h"

#include <cstdlib>
#include <stdexcept>

#include "storage/sqlite/sqlite_store.h"

namespace longhaul::tests {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "longhaul-store-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

base::Result<std::unique_ptr<storage::Store>> SqliteEngine::open(const OpenOptions& options) {
  storage::SqliteOptions sqlite;
  sqlite.path = path();
  sqlite.clock = options.clock;
  sqlite.boot_id = options.boot_id;
  sqlite.max_waiting_starts = options.max_waiting_starts;
  return storage::open_sqlite_store(sqlite);
}

}  // namespace longhaul::tests
