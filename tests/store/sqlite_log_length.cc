// The length of the write-ahead log, however the database is read meanwhile.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "storage/sqlite/database.h"
#include "storage/sqlite/sqlite_store.h"
#include "tests/store/store_fixture.h"

namespace longhaul::tests {
namespace {

constexpr int checkpoint_pages = 50;
constexpr std::uintmax_t page_bytes = 4096 + 24;  // with the header of its frame

class ShortLogEngine final : public StoreEngine {
 public:
  [[nodiscard]] base::Result<std::unique_ptr<Store>> open(const OpenOptions& options) override {
    SqliteOptions sqlite;
    sqlite.path = path();
    sqlite.clock = options.clock;
    sqlite.boot_id = options.boot_id;
    sqlite.checkpoint_pages = checkpoint_pages;
    return open_sqlite_store(sqlite);
  }
  [[nodiscard]] std::string path() const { return folder_ / "longhaul.db"; }

 private:
  TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("sqlite: readers that overlap without end do not make the log long") {
  auto owned = std::make_unique<ShortLogEngine>();
  const std::string log = owned->path() + "-wal";
  StoreFixture fixture(std::move(owned));
  for (int i = 0; i < 300; ++i) fixture.add();

  std::atomic<bool> done = false;
  std::atomic<int> pages_read = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      api::TaskQuery query;
      query.filter.type = "unheard-of";  // so that the whole table is stepped through
      while (!done) {
        CHECK(fixture.store().list(query).ok());
        ++pages_read;
      }
    });
  }
  std::uintmax_t longest = 0;
  for (int i = 0; i < 4'000; ++i) {
    fixture.add();
    longest = std::max(longest, std::filesystem::file_size(log));
  }
  done = true;
  readers.clear();
  // Four times as long as meant, and what is written until the last reader has gone, which on a busy machine
  // may take a while. Without end it would be eight times this.
  CHECK(longest < 30 * checkpoint_pages * page_bytes);
  CHECK(pages_read > 100);
}

TEST_CASE("sqlite: a log that a long reader made long is cut while the store goes on") {
  auto owned = std::make_unique<ShortLogEngine>();
  const std::string path = owned->path();
  const auto log_bytes = [&] { return std::filesystem::file_size(path + "-wal"); };
  constexpr std::uintmax_t most = std::uintmax_t{4} * checkpoint_pages * page_bytes;
  StoreFixture fixture(std::move(owned));
  fixture.add();
  {
    // Outside of the store's pool, as a backup is.
    const auto reader = open_for_reading({path, ""});
    reader->execute("BEGIN");
    REQUIRE(reader->integer("SELECT count(*) FROM tasks") == 1);
    while (log_bytes() < 4 * most) fixture.add();
  }
  // The first moves what is in the log, behind its answer; the second begins the log anew.
  for (int i = 0; i < 3; ++i) fixture.add();
  CHECK(log_bytes() <= most);
}

}  // namespace longhaul::tests
