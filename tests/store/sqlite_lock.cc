// One server for a database: the lock file, and the modes of what is created.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "storage/sqlite/database_lock.h"
#include "tests/store/engines.h"
#include "tests/support/manual_clock.h"

namespace longhaul::tests {

TEST_CASE("sqlite: a second server is refused, and told the file and who holds it") {
  const ManualClock clock;
  SqliteEngine engine;
  auto first = engine.open({&clock});
  REQUIRE(first);
  const auto second = engine.open({&clock});
  REQUIRE_FALSE(second.ok());
  const std::string& message = second.error().message;
  CHECK(message.find(engine.path() + ".lock") != std::string::npos);
  CHECK(message.find("process " + std::to_string(::getpid())) != std::string::npos);
  first->reset();
  CHECK(engine.open({&clock}).ok());
}

TEST_CASE("sqlite: another name of the same file is the same lock") {
  const TemporaryFolder folder;
  std::ofstream(folder / "real.db").close();
  std::filesystem::create_symlink(folder / "real.db", folder / "alias.db");
  const auto lock = storage::DatabaseLock::take(folder / "real.db");
  REQUIRE(lock);
  CHECK_FALSE(storage::DatabaseLock::take(folder / "alias.db").ok());
  CHECK(storage::DatabaseLock::take(folder / "other.db").ok());
}

TEST_CASE("sqlite: what is stored is for its owner only") {
  const ManualClock clock;
  SqliteEngine engine;
  auto store = engine.open({&clock}).value();
  REQUIRE(store->start());
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat status {};
    REQUIRE(::stat((engine.path() + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  store->stop();
  CHECK_MESSAGE(!std::filesystem::exists(engine.path() + "-wal"), "a clean stop leaves one whole file");
}

}  // namespace longhaul::tests
