// What an API key may look like: it must fit into a header as it is (RFC 6750, section 2.1, and some room).
// Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace longhaul::server {

// The key that clients must send, and its variable. Has no flag and no place in the file: both are easily
// read by others.
inline constexpr std::string_view api_key_variable = "LONGHAUL_API_KEY";
inline constexpr std::size_t api_key_chars_max = 500;

[[nodiscard]] inline bool is_api_key(std::string_view text) {
  return !text.empty() && text.size() <= api_key_chars_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

[[nodiscard]] inline std::string api_key_rule() {
  return "must be 1 to " + std::to_string(api_key_chars_max) + " visible ASCII characters without blanks";
}

}  // namespace longhaul::server
