// Base64 with padding (RFC 4648, section 4). Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace longhaul::base {

[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);
// Strictly: whole groups of four, no white space, zero bits behind the last byte. Else nothing.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
// The same in the alphabet for URLs, without padding (RFC 4648, section 5).
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

}  // namespace longhaul::base
