#include "api/task_id.h"

namespace longhaul::api {
namespace {

constexpr std::size_t text_length = 36;
constexpr std::string_view hex_digits = "0123456789abcdef";

constexpr bool is_hyphen_place(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<TaskId> TaskId::parse(std::string_view text) {
  if (text.size() != text_length) return std::nullopt;
  Bytes bytes{};
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text_length; ++i) {
    if (is_hyphen_place(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++nibble;
  }
  const bool version_7 = (bytes[6] & 0xF0) == 0x70;
  const bool rfc_variant = (bytes[8] & 0xC0) == 0x80;
  if (!version_7 || !rfc_variant) return std::nullopt;
  return TaskId(bytes);
}

TaskId TaskId::make(std::chrono::milliseconds time, std::uint16_t sequence, std::uint64_t random) {
  Bytes bytes{};
  const auto milliseconds = static_cast<std::uint64_t>(time.count());
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(milliseconds >> (40 - 8 * i));
  bytes[6] = static_cast<std::uint8_t>(0x70 | ((sequence >> 8) & 0x0F));
  bytes[7] = static_cast<std::uint8_t>(sequence);
  for (std::size_t i = 8; i < byte_count; ++i) bytes[i] = static_cast<std::uint8_t>(random >> (8 * (15 - i)));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));
  return TaskId(bytes);
}

TaskId TaskId::make_edge(std::chrono::milliseconds time) { return make(time, 0, 0); }

std::string TaskId::text() const {
  std::string text(text_length, '-');
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text_length; ++i) {
    if (is_hyphen_place(i)) continue;
    const std::uint8_t byte = bytes_[nibble / 2];
    text[i] = hex_digits[nibble % 2 == 0 ? byte >> 4 : byte & 0x0F];
    ++nibble;
  }
  return text;
}

std::chrono::milliseconds TaskId::time() const {
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i) milliseconds = (milliseconds << 8) | bytes_[i];
  return std::chrono::milliseconds(milliseconds);
}

}  // namespace longhaul::api
