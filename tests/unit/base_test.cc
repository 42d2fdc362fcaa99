// The small words of base/: results, named numbers, descriptors, clocks.
#include <fcntl.h>

#include <array>
#include <memory>
#include <ostream>
#include <span>
#include <unordered_set>

#include <doctest/doctest.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/named_type.h"
#include "base/random_bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/support/manual_clock.h"

using namespace longhaul;
using base::Result;

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

}  // namespace

TEST_CASE("a result is a value or an error") {
  const Result<int> good = 7;
  CHECK(good.ok());
  CHECK(good.value() == 7);
  const Result<int> bad = base::fail("no");
  CHECK_FALSE(bad);
  CHECK(bad.error().message == "no");
}

TEST_CASE("base64 there and back") {
  const auto encode = [](std::string_view text) { return base::to_base64(std::as_bytes(std::span(text))); };
  // RFC 4648, section 10.
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xfb\xff\xbf", "+/+/"}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(encode(bytes) == text);
    CHECK(base::from_base64(text) == bytes);
  }
  for (const char* wrong :
       {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v ", "Zm-v", "Zm_v", "=Zm9", "Z=m9", "===="})
    CHECK_FALSE(base::from_base64(wrong));
}

TEST_CASE("random bytes fill any length") {
  std::array<std::byte, 1000> bytes{};
  base::fill_random(bytes);
  CHECK(std::unordered_set<int>(reinterpret_cast<unsigned char*>(bytes.begin()),
                                reinterpret_cast<unsigned char*>(bytes.end()))
            .size() > 200);
  base::fill_random({});
}

TEST_CASE("a result tells value and error apart when they are of one type") {
  const Result<std::string, std::string> good = std::string("x");
  const Result<std::string, std::string> bad = base::Failure{std::string("x")};
  CHECK(good.ok());
  CHECK_FALSE(bad.ok());
  CHECK(bad.error() == "x");
}

TEST_CASE("a result hands its content on") {
  Result<std::unique_ptr<int>> owner = std::make_unique<int>(3);
  CHECK(**owner == 3);
  const std::unique_ptr<int> taken = std::move(owner).value();
  CHECK(*taken == 3);
  Result<std::string> text = std::string("a");
  *text += "b";
  CHECK(text->size() == 2);
  Result<int, std::unique_ptr<int>> bad = base::Failure{std::make_unique<int>(4)};
  CHECK(*std::move(bad).error() == 4);
}

TEST_CASE("a result without a value") {
  const Result<void> good;
  CHECK(good.ok());
  const Result<void> bad = base::fail("no");
  CHECK_FALSE(bad.ok());
  CHECK(bad.error().message == "no");
}

TEST_CASE("named numbers compare and hash by their value") {
  using Key = base::NamedType<std::int64_t, struct KeyTag>;
  CHECK(Key().get() == 0);
  CHECK(Key(1) < Key(2));
  CHECK(Key(2) == Key(2));
  const std::unordered_set<Key> keys = {Key(1), Key(2), Key(1)};
  CHECK(keys.size() == 2);
  static_assert(!std::is_convertible_v<std::int64_t, Key>);
}

TEST_CASE("a descriptor is closed once, by its last owner") {
  const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(raw >= 0);
  {
    base::UniqueFd first(raw);
    base::UniqueFd second(std::move(first));
    CHECK_FALSE(first.valid());  // NOLINT: what a moved-from one is, is promised
    CHECK(second.get() == raw);
    base::UniqueFd third;
    third = std::move(second);
    CHECK(is_open(raw));
  }
  CHECK_FALSE(is_open(raw));
}

TEST_CASE("a descriptor can be given away, and replaced") {
  base::UniqueFd owner(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int replaced = owner.get();
  const int other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  owner.reset(other);
  CHECK_FALSE(is_open(replaced));
  CHECK(owner.release() == other);
  CHECK_FALSE(owner.valid());
  CHECK(is_open(other));
  const base::UniqueFd again(other);
}

TEST_CASE("the machine's clocks go forward, and its boot has a name") {
  const base::SystemClock clock;
  const base::BootTime before = clock.boot();
  CHECK(clock.boot() >= before);
  CHECK(clock.wall() > base::WallTime(base::Milliseconds(1'700'000'000'000)));
  CHECK(base::boot_id() == base::boot_id());
}

TEST_CASE("the tests' own clock moves only when told") {
  tests::ManualClock clock;
  const base::BootTime boot = clock.boot();
  const base::WallTime wall = clock.wall();
  clock.advance(base::Milliseconds(5));
  CHECK(clock.boot() - boot == base::Milliseconds(5));
  CHECK(clock.wall() - wall == base::Milliseconds(5));
  clock.step_wall(base::Milliseconds(-1000));
  CHECK(clock.boot() - boot == base::Milliseconds(5));
  CHECK(clock.wall() - wall == base::Milliseconds(-995));
}
