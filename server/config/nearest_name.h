// Finds what somebody probably meant: the known name with the fewest slips of the pen (a letter more, less,
// other, or two swapped) between it and what was written. Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace longhaul::server {

// Optimal string alignment distance.
[[nodiscard]] std::size_t slips_between(std::string_view a, std::string_view b);

// Nothing when even the nearest has more slips than a third of its letters. Of dotted names the last part
// counts, and may stand in another section.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view written,
                                                      std::span<const std::string> known);

}  // namespace longhaul::server
