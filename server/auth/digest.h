// SHA-256, for comparing secrets without telling where they differ and for remembering bodies without keeping
// them. Thread-safety: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace longhaul::server {

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256 sha256(std::string_view bytes);
[[nodiscard]] std::string to_hex(const Sha256& digest);

// Takes the same time wherever the two differ.
[[nodiscard]] bool equal_in_constant_time(const Sha256& left, const Sha256& right);

}  // namespace longhaul::server
