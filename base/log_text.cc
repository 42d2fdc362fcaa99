#include "base/log_text.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace longhaul::base {
namespace {

// How many bytes of UTF-8 begin here; 0: none, or those of a control character beyond ASCII (U+0080 to U+009F,
// which terminals act upon) or of a line separator (U+2028, U+2029).
std::size_t length_of_plain_sequence(std::string_view rest) {
  const auto byte = [rest](std::size_t i) -> unsigned {
    return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0U;
  };
  const unsigned first = byte(0);
  std::size_t length = 0;
  unsigned least = 0;
  if (first >= 0xc2 && first < 0xe0) length = 2, least = 0xa0;
  if (first >= 0xe0 && first < 0xf0) length = 3, least = 0x800;
  if (first >= 0xf0 && first < 0xf5) length = 4, least = 0x10000;
  if (length == 0) return 0;
  unsigned point = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    point = point << 6 | (byte(i) & 0x3fU);
  }
  const bool is_surrogate = point >= 0xd800 && point < 0xe000;
  if (point < least || point > 0x10ffff || is_surrogate || point == 0x2028 || point == 0x2029) return 0;
  return length;
}

// `quoted`: what would end a quoted text is escaped too.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  constexpr std::string_view digits = "0123456789abcdef";
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (quoted && (c == '"' || c == '\\')) {
      out += {'\\', text.front()};
    } else if (c >= 0x20 && c < 0x7f) {
      out += text.front();
    } else if (const std::size_t sequence = length_of_plain_sequence(text); sequence > 0) {
      length = sequence;
      out += text.substr(0, length);
    } else {
      out += {'\\', 'x', digits[c >> 4], digits[c & 15]};
    }
    text.remove_prefix(length);
  }
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || static_cast<unsigned char>(c) >= 0x7f) return true;
  }
  return false;
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

struct TextWriter {
  std::string& out;
  void operator()(std::string_view text) const {
    if (!needs_quotes(text)) {
      out += text;
      return;
    }
    out += '"';
    append_escaped(out, text, true);
    out += '"';
  }
  void operator()(std::int64_t value) const { append_number(out, value); }
  void operator()(double value) const { append_number(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
};

std::string json_of(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string log_as_text(std::string_view event, std::span<const LogField> fields) {
  std::string out;
  append_escaped(out, event, false);
  for (const LogField& field : fields) {
    out.append(" ").append(field.name).append("=");
    std::visit(TextWriter{out}, field.value.get());
  }
  return out;
}

std::string log_as_json(std::string_view event, std::span<const LogField> fields) {
  std::string out = "\"message\":" + json_of(event);
  for (const LogField& field : fields) {
    out.append(",\"").append(field.name).append("\":");
    std::visit([&out](const auto& value) { out += json_of(value); }, field.value.get());
  }
  return out;
}

}  // namespace longhaul::base
