// UTF-8 (RFC 3629): whether a text is, how many characters it has, and how to make it so.
// A character is a Unicode code point. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longhaul::api {

[[nodiscard]] bool is_utf8(std::string_view text);

// Of a valid text.
[[nodiscard]] std::size_t count_chars(std::string_view text);

// The first `chars` characters of a valid text.
[[nodiscard]] std::string_view first_chars(std::string_view text, std::size_t chars);

// The longest start of a valid text that has at most `bytes` bytes and ends between two characters.
[[nodiscard]] std::string_view first_bytes(std::string_view text, std::size_t bytes);

// `text` with U+FFFD in place of each byte that does not belong to a valid character: for output of programs,
// which may hold anything, before it goes into JSON.
[[nodiscard]] std::string to_utf8(std::string_view text);

// Appends one code point, which must not be a surrogate.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace longhaul::api
