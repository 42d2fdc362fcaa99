// Times as text: RFC 3339 in UTC with milliseconds ("2026-03-01T12:00:00.250Z").
// Times outside the years 1970 to 9999, which have no such text, are written as the nearest that has one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace longhaul::api {

[[nodiscard]] std::string to_text(base::WallTime time);
// Writes time_text_length characters and returns the end of them.
inline constexpr std::size_t time_text_length = 24;
char* write_text(char* to, base::WallTime time);

// Any RFC 3339 date-time with offset or Z, years 1970 to 9999; fractions beyond milliseconds are cut. Else
// nothing. A leap second (23:59:60 UTC) is taken as the second after it.
[[nodiscard]] std::optional<base::WallTime> parse_time(std::string_view text);

}  // namespace longhaul::api
