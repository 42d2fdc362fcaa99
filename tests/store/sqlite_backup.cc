// A backup beside others who write where it writes, and a reading that a server disturbs.
#include "storage/sqlite/backup.h"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "storage/sqlite/database_file.h"
#include "storage/sqlite/database_lock.h"
#include "storage/sqlite/quiet_reading.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}
unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// A database that no server has open.
class Stopped {
 public:
  Stopped() {
    const ManualClock clock;
    REQUIRE(engine_.open({&clock}).ok());
  }
  [[nodiscard]] std::string path() const { return engine_.path(); }
  [[nodiscard]] std::string to() const { return folder_ / "saved.db"; }
  [[nodiscard]] BackupOptions options() const { return {path(), to(), false, {}}; }

 private:
  SqliteEngine engine_;
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("sqlite: a file that comes to be while a backup is made is not replaced unasked") {
  const Stopped database;
  BackupOptions options = database.options();
  options.on_progress = [&](std::int64_t, std::int64_t) { write_text(database.to(), "precious"); };
  const auto refused = back_up(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("--force") != std::string::npos);
  CHECK(text_of(database.to()) == "precious");
  CHECK_FALSE(std::filesystem::exists(database.to() + ".tmp"));
  options.overwrite = true;
  CHECK(back_up(options));
  CHECK(examine_database(database.to(), true).damage == "");
}

TEST_CASE("sqlite: what an interrupted backup left does not say who may read the next one") {
  const Stopped database;
  write_text(database.to() + ".tmp", std::string(100'000, 'x'));
  std::filesystem::permissions(database.to() + ".tmp", std::filesystem::perms(0666));
  REQUIRE(back_up(database.options()));
  CHECK(mode_of(database.to()) == 0600);
  CHECK(examine_database(database.to(), true).damage == "");
}

TEST_CASE("sqlite: a backup is not written into a file of somebody else's") {
  const Stopped database;
  const std::string unfinished = database.to() + ".tmp";
  const std::string other = database.to() + ".other";
  write_text(other, "precious");
  SUBCASE("another name of it") { std::filesystem::create_hard_link(other, unfinished); }
  SUBCASE("a link to it") { std::filesystem::create_symlink(other, unfinished); }
  SUBCASE("another user's") {
    std::filesystem::rename(other, unfinished);
    if (::geteuid() != 0) return;  // nobody else can give a file away
    REQUIRE(::chown(unfinished.c_str(), 1, 1) == 0);
  }
  const auto refused = back_up(database.options());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(unfinished) != std::string::npos);
  CHECK(text_of(unfinished) == "precious");
  CHECK_FALSE(std::filesystem::exists(database.to()));
}

TEST_CASE("sqlite: a reading that a server disturbs is made again, and damage is told") {
  const Stopped database;
  std::optional<DatabaseLock> server;
  int calls = 0;
  const auto torn = [&](Connection& connection) {
    if (++calls == 1) {
      server = DatabaseLock::take(database.path()).value();
      throw SqlError(SQLITE_CORRUPT, "half of a page");
    }
    return connection.integer("SELECT count(*) FROM tasks");
  };
  CHECK(read_quietly(database.path(), torn) == 0);
  CHECK(calls == 2);
  server.reset();

  calls = 0;
  const auto damaged = [&](Connection&) -> int {
    ++calls;
    throw SqlError(SQLITE_CORRUPT, "half of a page");
  };
  CHECK_THROWS_AS(read_quietly(database.path(), damaged), SqlError);
  CHECK(calls == 1);
}

}  // namespace longhaul::tests
