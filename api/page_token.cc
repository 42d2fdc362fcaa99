#include "api/page_token.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace longhaul::api {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t seal_bytes = 8;
constexpr std::size_t token_bytes =
    TaskId::byte_count + seal_bytes;  // a multiple of 3: base64url without padding
static_assert(token_bytes % 3 == 0);
constexpr std::size_t token_chars = token_bytes / 3 * 4;

// FNV-1a, over values with their lengths, so that no two filters run together into the same bytes.
class Fingerprint {
 public:
  void add(std::string_view text) {
    add_number(text.size());
    for (const char c : text) add_byte(static_cast<std::uint8_t>(c));
  }
  void add(const std::optional<std::string>& text) {
    add_number(text ? 1 : 0);
    add(std::string_view(text ? *text : std::string_view()));
  }
  void add(const std::optional<WallTime>& time) {
    add_number(time ? 1 : 0);
    add_number(time ? static_cast<std::uint64_t>(time->time_since_epoch().count()) : 0);
  }
  void add_number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<std::uint8_t>(value >> shift));
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  void add_byte(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001B3ULL; }
  std::uint64_t value_ = 0xCBF29CE484222325ULL;
};

std::uint64_t seal_of(const TaskFilter& filter, const TaskId& id) {
  Fingerprint fingerprint;
  fingerprint.add_number(filter.state ? static_cast<std::uint64_t>(*filter.state) + 1 : 0);
  fingerprint.add(filter.type);
  fingerprint.add(filter.queue);
  fingerprint.add(filter.created_after);
  fingerprint.add(filter.created_before);
  auto tags = filter.tags;  // all must match: their order means nothing
  std::sort(tags.begin(), tags.end());
  fingerprint.add_number(tags.size());
  for (const auto& [name, value] : tags) {
    fingerprint.add(std::string_view(name));
    fingerprint.add(std::string_view(value));
  }
  for (const std::uint8_t byte : id.bytes()) fingerprint.add_number(byte);
  return fingerprint.value();
}

using TokenBytes = std::array<std::uint8_t, token_bytes>;

TokenBytes sealed(const TaskFilter& filter, const TaskId& id) {
  TokenBytes bytes{};
  std::copy(id.bytes().begin(), id.bytes().end(), bytes.begin());
  const std::uint64_t seal = seal_of(filter, id);
  for (std::size_t i = 0; i < seal_bytes; ++i) {
    bytes[TaskId::byte_count + i] = static_cast<std::uint8_t>(seal >> (8 * i));
  }
  return bytes;
}

std::string encode(const TokenBytes& bytes) {
  std::string text;
  text.reserve(token_chars);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group =
        std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += alphabet[group >> shift & 0x3F];
  }
  return text;
}

std::optional<TokenBytes> decode(std::string_view text) {
  if (text.size() != token_chars) return std::nullopt;
  TokenBytes bytes{};
  for (std::size_t i = 0; i < token_chars; i += 4) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::size_t value = alphabet.find(text[i + j]);
      if (value == std::string_view::npos) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t j = 0; j < 3; ++j)
      bytes[i / 4 * 3 + j] = static_cast<std::uint8_t>(group >> (16 - 8 * j));
  }
  return bytes;
}

}  // namespace

std::string make_page_token(const TaskFilter& filter, const TaskId& continue_after) {
  return encode(sealed(filter, continue_after));
}

std::optional<TaskId> read_page_token(const TaskFilter& filter, std::string_view token) {
  const auto bytes = decode(token);
  if (!bytes) return std::nullopt;
  TaskId::Bytes id_bytes{};
  std::copy_n(bytes->begin(), id_bytes.size(), id_bytes.begin());
  const TaskId id(id_bytes);
  if (sealed(filter, id) != *bytes) return std::nullopt;
  return id;
}

}  // namespace longhaul::api
