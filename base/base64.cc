#include "base/base64.h"

#include <algorithm>
#include <cstdint>

namespace longhaul::base {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t group_bytes = 3;
constexpr std::size_t group_chars = 4;

// How many '=' end the text.
std::size_t padding_of(std::string_view text) {
  if (text.ends_with("==")) return 2;
  return text.ends_with('=') ? 1 : 0;
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + group_bytes - 1) / group_bytes * group_chars);
  for (std::size_t at = 0; at < bytes.size(); at += group_bytes) {
    const std::size_t count = std::min(group_bytes, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < group_bytes; ++i) {
      bits = bits << 8 | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    }
    for (std::size_t i = 0; i < group_chars; ++i) {
      text += i <= count ? alphabet[bits >> (18 - 6 * i) & 0x3F] : '=';
    }
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % group_chars != 0) return std::nullopt;
  const std::size_t padding = padding_of(text);
  text.remove_suffix(padding);
  std::string bytes;
  bytes.reserve(text.size() / group_chars * group_bytes + group_bytes);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xFF);
  }
  const bool has_rest = (bits & ((1U << held) - 1)) != 0;
  if (has_rest) return std::nullopt;
  return bytes;
}

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) return std::nullopt;
  std::string padded(text);
  std::replace(padded.begin(), padded.end(), '-', '+');
  std::replace(padded.begin(), padded.end(), '_', '/');
  while (padded.size() % group_chars != 0) padded += '=';
  return from_base64(padded);
}

}  // namespace longhaul::base
