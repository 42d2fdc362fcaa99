// Which bytes may stand where in a request: the character classes of RFC 9110 (section 5.6.2) and RFC 3986 as
// tables, so that a head is judged at a table look-up a byte. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace longhaul::server {

using ByteClass = std::array<bool, 256>;

template <class Predicate>
constexpr ByteClass make_byte_class(Predicate predicate) {
  ByteClass out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = predicate(static_cast<unsigned char>(i));
  return out;
}

constexpr bool is_alphanumeric(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Methods and header names.
inline constexpr ByteClass token_bytes = make_byte_class([](unsigned char c) {
  return is_alphanumeric(c) ||
         (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
});

// Header values: visible characters, space, tab and the historical upper half; no other control character.
inline constexpr ByteClass field_value_bytes =
    make_byte_class([](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });

// Request targets: everything visible but '#', which starts a fragment and has no place in a request.
inline constexpr ByteClass target_bytes =
    make_byte_class([](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });

// Host: names, addresses in brackets, a port (RFC 3986, section 3.2.2).
inline constexpr ByteClass host_bytes = make_byte_class([](unsigned char c) {
  return is_alphanumeric(c) ||
         (c != 0 &&
          std::string_view("-._~%!$&'()*+,;=:[]").find(static_cast<char>(c)) != std::string_view::npos);
});

[[nodiscard]] inline bool all_in(const ByteClass& allowed, std::string_view text) {
  for (const char c : text) {
    if (!allowed[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

// 0..15, or -1 for what is no hexadecimal digit.
[[nodiscard]] constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace longhaul::server
