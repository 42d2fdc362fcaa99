#include "api/json_writer.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include "api/time_text.h"

namespace longhaul::api {
namespace {

constexpr bool must_be_escaped(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += hex_digits[code >> 4];
  out += hex_digits[code & 0x0F];
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!must_be_escaped(text[i])) continue;
    out.append(text, plain_from, i - plain_from);
    append_escaped(out, text[i]);
    plain_from = i + 1;
  }
  out.append(text, plain_from);
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), written.ptr);
}

}  // namespace

// What comes before every value and key. Outside of objects and arrays only one value may stand.
void JsonWriter::separate() {
  assert(depth_ > 0 || out_.empty());
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  ++depth_;
  needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
  assert(depth_ > 0 && out_.back() != ':');
  out_ += bracket;
  --depth_;
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() { return open('{'), *this; }
JsonWriter& JsonWriter::end_object() { return close('}'), *this; }
JsonWriter& JsonWriter::begin_array() { return open('['), *this; }
JsonWriter& JsonWriter::end_array() { return close(']'), *this; }

JsonWriter& JsonWriter::key(std::string_view name) {
  assert(depth_ > 0 && out_.back() != ':');
  separate();
  append_quoted(out_, name);
  out_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? std::string_view("true") : "false"); }
JsonWriter& JsonWriter::null() { return raw(std::string_view("null")); }
JsonWriter& JsonWriter::raw(const RawJson& json) { return raw(std::string_view(json.text)); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  assert(!json.empty());
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::time(WallTime value) {
  separate();
  out_ += '"';
  append_text(out_, value);
  out_ += '"';
  return *this;
}

}  // namespace longhaul::api
