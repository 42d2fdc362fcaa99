#include "api/json_scanner.h"

#include <algorithm>

#include "api/utf8.h"

namespace longhaul::api {
namespace {

constexpr bool is_white_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where the string that opens at `at` has its closing quote; the text's size when it has none.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

// Just behind the value that begins at `at`.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    switch (text[i]) {
      case '"':
        i = closing_quote(text, i);
        if (depth == 0) return std::min(i + 1, text.size());
        break;
      case '[':
      case '{': ++depth; break;
      case ']':
      case '}':
        if (depth == 0) return i;
        if (--depth == 0) return i + 1;
        break;
      case ',':
        if (depth == 0) return i;
        break;
      default: break;
    }
  }
  return text.size();
}

unsigned hex_unit(std::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) {
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    value = value << 4 | (static_cast<unsigned>(digit) & 0x0F);
  }
  return value;
}

// Decodes the escape whose backslash is at `at`; returns where the text goes on.
std::size_t append_escape(std::string& out, std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return text.size();
  switch (text[at + 1]) {
    case 'b': out += '\b'; return at + 2;
    case 'f': out += '\f'; return at + 2;
    case 'n': out += '\n'; return at + 2;
    case 'r': out += '\r'; return at + 2;
    case 't': out += '\t'; return at + 2;
    case 'u': break;
    default: out += text[at + 1]; return at + 2;
  }
  if (at + 6 > text.size()) return text.size();
  const unsigned unit = hex_unit(text.substr(at + 2, 4));
  const bool leads_a_pair = unit >= 0xD800 && unit < 0xDC00 && at + 12 <= text.size();
  if (!leads_a_pair) {
    append_utf8(out, unit);
    return at + 6;
  }
  const unsigned second = hex_unit(text.substr(at + 8, 4));
  append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + ((second - 0xDC00) & 0x3FF));
  return at + 12;
}

// `text` is what stands between the quotes.
std::string decode(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\\') {
      i = append_escape(out, text, i);
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace

MemberCursor::MemberCursor(std::string_view object) : text_(object) {
  at_ = kind_of(text_) == JsonKind::object ? 1 : text_.size();
}

bool MemberCursor::next() {
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  const std::size_t quote = closing_quote(text_, at_);
  name_ = text_.substr(at_ + 1, quote - at_ - 1);
  if (name_.find('\\') != std::string_view::npos) {
    decoded_ = decode(name_);
    name_ = decoded_;
  }
  const std::size_t begin = std::min(quote + 2, text_.size());  // behind the colon
  const std::size_t end = end_of_value(text_, begin);
  value_ = text_.substr(begin, end - begin);
  at_ = end + 1;  // behind the comma or the closing brace
  return true;
}

ElementCursor::ElementCursor(std::string_view array) : text_(array) {
  at_ = kind_of(text_) == JsonKind::array ? 1 : text_.size();
}

bool ElementCursor::next() {
  if (at_ >= text_.size() || text_[at_] == ']') return false;
  const std::size_t end = end_of_value(text_, at_);
  value_ = text_.substr(at_, end - at_);
  at_ = end + 1;
  return true;
}

JsonKind kind_of(std::string_view json) {
  if (json.empty()) return JsonKind::null;
  switch (json.front()) {
    case 'n': return JsonKind::null;
    case 't':
    case 'f': return JsonKind::boolean;
    case '"': return JsonKind::string;
    case '[': return JsonKind::array;
    case '{': return JsonKind::object;
    default: return JsonKind::number;
  }
}

std::optional<std::string> string_of(std::string_view json) {
  if (kind_of(json) != JsonKind::string || json.size() < 2) return std::nullopt;
  return decode(json.substr(1, json.size() - 2));
}

std::string without_white_space(std::string_view checked) {
  std::string out;
  out.reserve(checked.size());
  std::size_t kept_from = 0;  // copied in stretches: most texts have little white space
  for (std::size_t i = 0; i < checked.size(); ++i) {
    if (checked[i] == '"') {
      i = closing_quote(checked, i);
    } else if (is_white_space(checked[i])) {
      out.append(checked, kept_from, i - kept_from);
      kept_from = i + 1;
    }
  }
  if (kept_from < checked.size()) out.append(checked, kept_from);
  return out;
}

}  // namespace longhaul::api
