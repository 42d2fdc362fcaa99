// Exact reading of JSON numbers: a number is digits times a power of ten, and stays so. Nothing is rounded on
// the way. Values; the digits are owned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longhaul::api {

// sign * digits * 10^exponent. `digits` has no zero at either end; zero has none at all.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;  // held within +-10^15, far beyond any number that matters
};

// `number` is a JSON number that has been checked.
[[nodiscard]] Decimal decimal_of(std::string_view number);

// The number itself, when it is an integer and fits.
[[nodiscard]] std::optional<std::int64_t> exact_integer(const Decimal& decimal);

// The number times 1000, rounded up to an integer; nothing when it does not fit. Seconds to milliseconds.
[[nodiscard]] std::optional<std::int64_t> thousandths_rounded_up(const Decimal& decimal);

// The nearest double; infinite when it is out of range.
[[nodiscard]] double nearest_double(std::string_view number);

}  // namespace longhaul::api
