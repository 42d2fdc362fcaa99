// Page tokens: where a page ended, sealed with a fingerprint of what was asked for. Opaque and URL-safe to
// callers. They hold no secret and give no access: the seal is there so that a mistake is told instead of
// answered with odd pages.
//
// Pure; values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/task.h"

namespace longhaul::api {

// FNV-1a, over values with their lengths, so that no two questions run together into the same bytes.
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

using TokenPosition = std::array<std::uint8_t, 16>;

// `question`: of all that the page was asked for by, but for where it begins.
[[nodiscard]] std::string make_sealed_token(const Fingerprint& question, const TokenPosition& position);
// Nothing when the token is damaged or belongs to another question.
[[nodiscard]] std::optional<TokenPosition> read_sealed_token(const Fingerprint& question,
                                                             std::string_view token);

}  // namespace longhaul::api
