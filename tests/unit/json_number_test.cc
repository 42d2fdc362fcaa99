#include "api/json_number.h"

#include <cmath>
#include <limits>
#include <ostream>

#include <doctest/doctest.h>

using namespace longhaul::api;

namespace {
std::optional<std::int64_t> integer(std::string_view text) { return exact_integer(decimal_of(text)); }
std::optional<std::int64_t> milliseconds(std::string_view text) {
  return thousandths_rounded_up(decimal_of(text));
}
}  // namespace

TEST_CASE("an integer is one by its value, not by its spelling") {
  CHECK(integer("5") == 5);
  CHECK(integer("5.0") == 5);
  CHECK(integer("5e0") == 5);
  CHECK(integer("50e-1") == 5);
  CHECK(integer("0.5e1") == 5);
  CHECK(integer("-5.000E+00") == -5);
  CHECK(integer("0") == 0);
  CHECK(integer("-0") == 0);
  CHECK(integer("0e999999999999999999999999") == 0);
  CHECK(integer("1e18") == 1'000'000'000'000'000'000);
  CHECK_FALSE(integer("5.1"));
  CHECK_FALSE(integer("1e-1"));
  CHECK_FALSE(integer("1e19"));
  CHECK_FALSE(integer("1e999999999999999999999999"));
  CHECK_FALSE(integer("1e-999999999999999999999999"));
}

TEST_CASE("the edges of 64 bits are exact") {
  CHECK(integer("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(integer("9223372036854775808"));
  CHECK_FALSE(integer("-9223372036854775809"));
  CHECK_FALSE(integer("12345678901234567890123"));
  CHECK(integer("9007199254740993") == 9007199254740993);  // no double is this
}

TEST_CASE("seconds become milliseconds, rounded up and never through a double") {
  CHECK(milliseconds("1") == 1000);
  CHECK(milliseconds("0.001") == 1);
  CHECK(milliseconds("0.0001") == 1);
  CHECK(milliseconds("1e-300") == 1);
  CHECK(milliseconds("1e-99999999999999999") == 1);
  CHECK(milliseconds("0") == 0);
  CHECK(milliseconds("0.000") == 0);
  CHECK(milliseconds("1.5") == 1500);
  CHECK(milliseconds("1.0001") == 1001);
  CHECK(milliseconds("2.3") == 2300);
  CHECK(milliseconds("1.001") == 1001);
  CHECK(milliseconds("4.35e2") == 435'000);
  CHECK(milliseconds("-0.0015") == -1);
  CHECK_FALSE(milliseconds("1e400"));
  CHECK_FALSE(milliseconds("9223372036854775807"));
  for (int i = 0; i < 100'000; i += 7) {
    const std::string fraction = std::to_string(i % 1000);
    const std::string text =
        std::to_string(i / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
    REQUIRE(milliseconds(text) == i);
  }
}

TEST_CASE("the nearest double, infinite beyond its range") {
  CHECK(nearest_double("0.1") == 0.1);
  CHECK(nearest_double("-2.5e3") == -2500.0);
  CHECK(nearest_double("1e400") == std::numeric_limits<double>::infinity());
  CHECK(nearest_double("-1e400") == -std::numeric_limits<double>::infinity());
  CHECK(nearest_double("0.001e310") == 1e307);
  CHECK(nearest_double("1e-400") == 0.0);
  CHECK(std::signbit(nearest_double("-1e-400")));
  CHECK(std::signbit(nearest_double("-0")));
  CHECK(nearest_double(std::string(400, '9')) == std::numeric_limits<double>::infinity());
}
