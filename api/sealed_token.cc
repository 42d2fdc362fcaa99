#include "api/sealed_token.h"

#include <algorithm>

namespace longhaul::api {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t position_bytes = std::tuple_size_v<TokenPosition>;
constexpr std::size_t seal_bytes = 8;
constexpr std::size_t token_bytes = position_bytes + seal_bytes;
static_assert(token_bytes % 3 == 0, "base64url without padding");
constexpr std::size_t token_chars = token_bytes / 3 * 4;

using TokenBytes = std::array<std::uint8_t, token_bytes>;

TokenBytes sealed(Fingerprint fingerprint, const TokenPosition& position) {
  TokenBytes bytes{};
  std::copy(position.begin(), position.end(), bytes.begin());
  for (const std::uint8_t byte : position) fingerprint.add_number(byte);
  const std::uint64_t seal = fingerprint.value();
  for (std::size_t i = 0; i < seal_bytes; ++i) {
    bytes[position_bytes + i] = static_cast<std::uint8_t>(seal >> (8 * i));
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

std::string make_sealed_token(const Fingerprint& question, const TokenPosition& position) {
  return encode(sealed(question, position));
}

std::optional<TokenPosition> read_sealed_token(const Fingerprint& question, std::string_view token) {
  const auto bytes = decode(token);
  if (!bytes) return std::nullopt;
  TokenPosition position{};
  std::copy_n(bytes->begin(), position.size(), position.begin());
  if (sealed(question, position) != *bytes) return std::nullopt;
  return position;
}

}  // namespace longhaul::api
