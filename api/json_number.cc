#include "api/json_number.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace longhaul::api {
namespace {

constexpr std::int64_t exponent_bound = 1'000'000'000'000'000;
constexpr std::size_t int64_digits = 19;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::int64_t written_exponent(std::string_view text) {
  if (text.empty()) return 0;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::int64_t value = 0;
  for (const char c : text) value = std::min(value * 10 + (c - '0'), exponent_bound);
  return negative ? -value : value;
}

std::optional<std::int64_t> to_int64(std::string_view digits, bool negative) {
  std::uint64_t magnitude = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
  constexpr auto greatest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (parsed.ec != std::errc{} || magnitude > greatest + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

}  // namespace

Decimal decimal_of(std::string_view number) {
  Decimal decimal;
  decimal.negative = !number.empty() && number.front() == '-';
  const std::size_t exponent_at = number.find_first_of("eE");
  const std::string_view mantissa = number.substr(0, exponent_at);
  if (exponent_at != std::string_view::npos)
    decimal.exponent = written_exponent(number.substr(exponent_at + 1));

  const std::size_t point = mantissa.find('.');
  if (point != std::string_view::npos)
    decimal.exponent -= static_cast<std::int64_t>(mantissa.size() - point - 1);
  std::copy_if(mantissa.begin(), mantissa.end(), std::back_inserter(decimal.digits), is_digit);

  const std::size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return Decimal{decimal.negative, {}, 0};
  const std::size_t last = decimal.digits.find_last_not_of('0');
  decimal.exponent += static_cast<std::int64_t>(decimal.digits.size() - 1 - last);
  decimal.digits = decimal.digits.substr(first, last - first + 1);
  return decimal;
}

std::optional<std::int64_t> exact_integer(const Decimal& decimal) {
  if (decimal.digits.empty()) return 0;
  const bool fits = decimal.exponent >= 0 && decimal.exponent < static_cast<std::int64_t>(int64_digits) &&
                    decimal.digits.size() + static_cast<std::size_t>(decimal.exponent) <= int64_digits;
  if (!fits) return std::nullopt;
  return to_int64(decimal.digits + std::string(static_cast<std::size_t>(decimal.exponent), '0'),
                  decimal.negative);
}

std::optional<std::int64_t> thousandths_rounded_up(const Decimal& decimal) {
  Decimal scaled = decimal;
  scaled.exponent += 3;
  if (scaled.digits.empty() || scaled.exponent >= 0) return exact_integer(scaled);

  // Something is left behind the point, and it is not zero: drop it and go up to the next integer.
  const auto dropped = static_cast<std::uint64_t>(-scaled.exponent);
  const std::string whole =
      dropped >= scaled.digits.size() ? "0" : scaled.digits.substr(0, scaled.digits.size() - dropped);
  const auto below = to_int64(whole, scaled.negative);
  if (!below) return std::nullopt;
  if (scaled.negative) return below;
  if (*below == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return *below + 1;
}

double nearest_double(std::string_view number) {
  double value = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
  if (parsed.ec != std::errc::result_out_of_range) return value;
  // Too great or too small: from_chars does not say which.
  const Decimal decimal = decimal_of(number);
  const bool great = decimal.exponent + static_cast<std::int64_t>(decimal.digits.size()) > 0;
  const double magnitude = great ? std::numeric_limits<double>::infinity() : 0.0;
  return decimal.negative ? -magnitude : magnitude;
}

}  // namespace longhaul::api
