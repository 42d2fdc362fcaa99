#include "server/routes/traceparent.h"

#include <algorithm>
#include <cstddef>

namespace longhaul::server {
namespace {

constexpr std::size_t version_00_chars = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
constexpr std::size_t max_chars = 128;        // of versions to come

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

}  // namespace

bool is_traceparent(std::string_view text) {
  if (text.size() < version_00_chars || text.size() > max_chars) return false;
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace_id = text.substr(3, 32);
  const std::string_view parent_id = text.substr(36, 16);
  const std::string_view flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_hex(version) || !is_hex(trace_id) || !is_hex(parent_id) || !is_hex(flags)) return false;
  if (version == "ff" || is_zero(trace_id) || is_zero(parent_id)) return false;
  if (version == "00") return text.size() == version_00_chars;
  const std::string_view rest = text.substr(version_00_chars);
  return rest.empty() || (rest.front() == '-' &&
                          std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7F; }));
}

}  // namespace longhaul::server
