#include "server/cli/argument_checks.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "server/config/setting_value.h"

namespace longhaul::server {
namespace {

template <class Number>
std::optional<Number> number_in(const std::string& text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

ArgumentCheck seconds_up_to(double max_seconds) {
  return [max_seconds](const std::string& text) -> std::string {
    const auto seconds = number_in<double>(text);
    if (seconds && *seconds >= 0 && *seconds <= max_seconds) return {};  // false for what is not a number
    return "must be a number of seconds from 0 to " + number_text(max_seconds) + ", not '" + text + "'";
  };
}

ArgumentCheck whole_number() {
  return [](const std::string& text) -> std::string {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    if (number_in<std::int64_t>(text).value_or(-1) >= 0) return {};
    return "must be a whole number from 0 to " + std::to_string(most) + ", not '" + text + "'";
  };
}

ArgumentCheck not_empty() {
  return [](const std::string& text) -> std::string { return text.empty() ? "must not be empty" : ""; };
}

}  // namespace longhaul::server
