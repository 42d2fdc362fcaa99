// One server for a database: the lock file, the modes of what is created, and of what is found.
#include <doctest/doctest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

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

namespace {

// Root may write everything; for this long this thread is bound by the modes of files as everybody is.
class WithoutPrivileges {
 public:
  WithoutPrivileges() {
    REQUIRE(::syscall(SYS_capget, &header_, kept_) == 0);
    __user_cap_data_struct less[2] = {kept_[0], kept_[1]};
    less[0].effective &= ~(1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH);
    REQUIRE(::syscall(SYS_capset, &header_, less) == 0);
  }
  ~WithoutPrivileges() { CHECK(::syscall(SYS_capset, &header_, kept_) == 0); }
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept_[2] = {};
};

}  // namespace

TEST_CASE("sqlite: a file that may not be written is refused when it is opened, and the message says why") {
  const ManualClock clock;
  SqliteEngine engine;
  REQUIRE(engine.open({&clock}).ok());
  std::filesystem::permissions(engine.path(), std::filesystem::perms::owner_read);
  const WithoutPrivileges restricted;
  const auto opened = engine.open({&clock});
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().message.find(engine.path()) != std::string::npos);
  CHECK(opened.error().message.find("May this user write it") != std::string::npos);
}

TEST_CASE("sqlite: the holder of a lock and its note can be read from outside, until it goes") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  CHECK_FALSE(storage::DatabaseLock::read_holder(path));
  {
    const auto lock = storage::DatabaseLock::take(path);
    REQUIRE(lock.ok());
    CHECK(storage::DatabaseLock::read_holder(path)->pid == ::getpid());
    CHECK(storage::DatabaseLock::read_holder(path)->note.empty());
    REQUIRE(storage::DatabaseLock::leave_note(path, "a long note\nof two lines\n"));
    REQUIRE(storage::DatabaseLock::leave_note(path, "short\n"));
    CHECK(storage::DatabaseLock::read_holder(path)->note == "short\n");
    CHECK(storage::DatabaseLock::read_holder(path)->pid == ::getpid());
    CHECK(storage::DatabaseLock::holder_of(path) == "process " + std::to_string(::getpid()));
    REQUIRE(storage::DatabaseLock::leave_note(path, std::string(100'000, 'x')));
    CHECK(storage::DatabaseLock::read_holder(path)->note.size() == storage::DatabaseLock::max_note_bytes);
  }
  CHECK_FALSE(storage::DatabaseLock::read_holder(path));
  const auto next = storage::DatabaseLock::take(path);
  REQUIRE(next.ok());
  CHECK(storage::DatabaseLock::read_holder(path)->note.empty());  // not that of the one before
}

TEST_CASE("sqlite: who only looks for a holder keeps no server from starting") {
  const TemporaryFolder folder;
  const std::string path = folder / "a.db";
  std::atomic<bool> done = false;
  std::jthread looks([&] {
    while (!done) (void)storage::DatabaseLock::holder_of(path);
  });
  int refused = 0;
  for (int i = 0; i < 2'000; ++i) {
    if (!storage::DatabaseLock::take(path)) ++refused;
  }
  done = true;
  CHECK(refused == 0);
}

}  // namespace longhaul::tests
