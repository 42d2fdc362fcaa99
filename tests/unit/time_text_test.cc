#include "api/time_text.h"

#include <ostream>
#include <random>

#include <doctest/doctest.h>

#include "tests/unit/random_json.h"

using namespace longhaul;
using api::parse_time;
using api::to_text;
using base::Milliseconds;
using base::WallTime;

namespace {

// What a text means, written in the one way we write times.
std::string normal(std::string_view text) {
  const auto time = parse_time(text);
  return time ? to_text(*time) : "refused";
}

}  // namespace

TEST_CASE("times are written in UTC with milliseconds") {
  CHECK(to_text(WallTime(Milliseconds(0))) == "1970-01-01T00:00:00.000Z");
  CHECK(to_text(WallTime(Milliseconds(1'772'366'400'250))) == "2026-03-01T12:00:00.250Z");
  CHECK(to_text(WallTime(Milliseconds(253'402'300'799'999))) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("times that have no such text are written as the nearest that has") {
  CHECK(to_text(WallTime(Milliseconds(-1))) == "1970-01-01T00:00:00.000Z");
  CHECK(to_text(WallTime::min()) == "1970-01-01T00:00:00.000Z");
  CHECK(to_text(WallTime::max()) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("what is written is read back") {
  const std::uint64_t seed = tests::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::int64_t> any(0, 253'402'300'799'999);
  for (int i = 0; i < 20'000; ++i) {
    const WallTime time{Milliseconds(any(random))};
    REQUIRE(parse_time(to_text(time)) == time);
  }
}

TEST_CASE("every day from 1970 to 2100 follows the one before") {
  WallTime expected{};
  for (int year = 1970; year <= 2100; ++year) {
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= 31; ++day) {
        const std::string text = std::to_string(year) + (month < 10 ? "-0" : "-") + std::to_string(month) +
                                 (day < 10 ? "-0" : "-") + std::to_string(day) + "T00:00:00Z";
        const auto time = parse_time(text);
        if (!time) continue;
        CAPTURE(text);
        REQUIRE(*time == expected);
        expected += std::chrono::days(1);
      }
    }
  }
  CHECK(to_text(expected) == "2101-01-01T00:00:00.000Z");
}

TEST_CASE("leap years") {
  CHECK(normal("2024-02-29T00:00:00Z") == "2024-02-29T00:00:00.000Z");
  CHECK(normal("2000-02-29T00:00:00Z") == "2000-02-29T00:00:00.000Z");
  CHECK(normal("2023-02-29T00:00:00Z") == "refused");
  CHECK(normal("2100-02-29T00:00:00Z") == "refused");
  CHECK(normal("2024-02-30T00:00:00Z") == "refused");
  CHECK(normal("2024-02-29T23:30:00-01:00") == "2024-03-01T00:30:00.000Z");
}

TEST_CASE("offsets") {
  CHECK(normal("2026-03-01T12:00:00+02:00") == "2026-03-01T10:00:00.000Z");
  CHECK(normal("2026-03-01T12:00:00-05:30") == "2026-03-01T17:30:00.000Z");
  CHECK(normal("2026-03-01T12:00:00+00:00") == "2026-03-01T12:00:00.000Z");
  CHECK(normal("2026-03-01T12:00:00-00:00") == "2026-03-01T12:00:00.000Z");
  CHECK(normal("2026-03-01T12:00:00+23:59") == "2026-02-28T12:01:00.000Z");
  CHECK(normal("2026-03-01t12:00:00z") == "2026-03-01T12:00:00.000Z");
  for (const char* text : {"2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00+00:60",
                           "2026-03-01T12:00:00+0200", "2026-03-01T12:00:00+02", "2026-03-01T12:00:00+2:00",
                           "2026-03-01T12:00:00 02:00", "2026-03-01T12:00:00"}) {
    CAPTURE(text);
    CHECK(normal(text) == "refused");
  }
}

TEST_CASE("fractions are cut to milliseconds") {
  CHECK(normal("2026-03-01T12:00:00.1Z") == "2026-03-01T12:00:00.100Z");
  CHECK(normal("2026-03-01T12:00:00.25Z") == "2026-03-01T12:00:00.250Z");
  CHECK(normal("2026-03-01T12:00:00.9999999999999999999999Z") == "2026-03-01T12:00:00.999Z");
  CHECK(normal("2026-03-01T12:00:00.000999+00:00") == "2026-03-01T12:00:00.000Z");
  CHECK(normal("2026-03-01T12:00:00.Z") == "refused");
  CHECK(normal("2026-03-01T12:00:00,5Z") == "refused");
}

TEST_CASE("a leap second is where leap seconds are") {
  CHECK(normal("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00.000Z");
  CHECK(normal("2016-12-31T23:59:60.5Z") == "2017-01-01T00:00:00.000Z");
  CHECK(normal("2017-01-01T01:59:60+02:00") == "2017-01-01T00:00:00.000Z");
  CHECK(normal("2016-12-31T22:59:60Z") == "refused");
  CHECK(normal("2016-12-31T23:58:60Z") == "refused");
  CHECK(normal("2016-12-31T23:59:61Z") == "refused");
}

TEST_CASE("what is no RFC 3339 time from 1970 to 9999 is refused") {
  for (const char* text : {"",
                           "2026",
                           "2026-03-01",
                           "2026-03-01 12:00:00Z",
                           "2026-03-01T12:00Z",
                           "2026-3-1T12:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-32T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "+2026-01-01T00:00:00Z",
                           "-2026-01-01T00:00:00Z",
                           "02026-01-01T00:00:00Z",
                           "2026-01-01T00:00:00ZZ",
                           " 2026-01-01T00:00:00Z",
                           "2026-01-01T00:00:00Z ",
                           "2026-W01-1T00:00:00Z",
                           "2026-001T00:00:00Z",
                           "20260101T000000Z",
                           "1969-12-31T23:59:59.999Z",
                           "1970-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "9999-12-31T23:59:60Z",
                           "0000-01-01T00:00:00Z",
                           "2026-01-01T0x:00:00Z",
                           "now",
                           "1772366400"}) {
    CAPTURE(text);
    CHECK(normal(text) == "refused");
  }
  CHECK(normal("1969-12-31T23:59:59-00:01") == "1970-01-01T00:00:59.000Z");
  CHECK(normal("9999-12-31T23:59:59.999Z") == "9999-12-31T23:59:59.999Z");
}
