// The disk of the crash test itself: it must lose what it says it loses, or the crash test proves nothing.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>

#include "tests/support/power_loss_disk.h"

namespace longhaul::tests {
namespace {

constexpr std::size_t sector = PowerLossDisk::sector_bytes;

void write(PowerLossDisk& disk, const PowerLossDisk::Handle& handle, char what, std::size_t sectors) {
  const std::string bytes(sectors * sector, what);
  REQUIRE(disk.write(handle, bytes.data(), bytes.size(), 0) == SQLITE_OK);
}

std::string read(PowerLossDisk& disk, const PowerLossDisk::Handle& handle) {
  std::size_t size = 0;
  REQUIRE(disk.size(handle, size) == SQLITE_OK);
  std::string bytes(size, '\0');
  if (size > 0) REQUIRE(disk.read(handle, bytes.data(), size, 0) == SQLITE_OK);
  return bytes;
}

}  // namespace

TEST_CASE("power loss: what was synced stays, what was not comes and goes by sectors") {
  int torn = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    PowerLossDisk disk("disk-test", seed);
    auto handle = disk.open("file", true).value();
    write(disk, handle, 'a', 8);
    REQUIRE(disk.sync(handle) == SQLITE_OK);
    write(disk, handle, 'b', 8);
    disk.lose_power_after(1);
    CHECK(disk.sync(handle) != SQLITE_OK);
    CHECK_FALSE(disk.has_power());
    char byte = 0;
    CHECK(disk.read(handle, &byte, 1, 0) != SQLITE_OK);
    disk.power_on();
    CHECK(disk.read(handle, &byte, 1, 0) != SQLITE_OK);  // of the time before
    handle = disk.open("file", false).value();
    const std::string bytes = read(disk, handle);
    REQUIRE(bytes.size() == 8 * sector);
    for (std::size_t at = 0; at < bytes.size(); at += sector) {
      CHECK((bytes[at] == 'a' || bytes[at] == 'b'));
      CHECK(std::count(bytes.begin() + static_cast<long>(at), bytes.begin() + static_cast<long>(at + sector),
                       bytes[at]) == static_cast<long>(sector));
    }
    const auto kept = std::ranges::count(bytes, 'a');
    if (kept > 0 && kept < static_cast<long>(bytes.size())) ++torn;
  }
  CHECK(torn > 40);
}

TEST_CASE("power loss: names and lengths that were not synced may be lost") {
  int files = 0;
  int grown = 0;
  int back = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    PowerLossDisk disk("disk-test", seed);
    auto grows = disk.open("grows", true).value();
    write(disk, grows, 'x', 1);
    REQUIRE(disk.sync(grows) == SQLITE_OK);
    write(disk, grows, 'x', 3);
    auto deleted = disk.open("deleted", true).value();
    REQUIRE(disk.sync(deleted) == SQLITE_OK);
    REQUIRE(disk.remove("deleted", false) == SQLITE_OK);
    write(disk, disk.open("unsynced", true).value(), 'x', 1);
    disk.power_on();
    if (disk.exists("unsynced")) ++files;
    if (disk.exists("deleted")) ++back;
    if (read(disk, disk.open("grows", false).value()).size() == 3 * sector) ++grown;
  }
  for (const int count : {files, grown, back}) CHECK((count > 20 && count < 80));
}

TEST_CASE("power loss: a disk has the room it has") {
  PowerLossDisk disk("disk-test", 1);
  const auto handle = disk.open("file", true).value();
  disk.set_capacity(2 * sector);
  write(disk, handle, 'x', 2);
  CHECK(disk.write(handle, "y", 1, 2 * sector) == SQLITE_FULL);
  CHECK(disk.write(handle, "y", 1, 0) == SQLITE_OK);
  CHECK(disk.bytes_in_use() == 2 * sector);
}

}  // namespace longhaul::tests
