#include "api/json_writer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include "api/time_text.h"

namespace longhaul::api {
namespace {

// As a table, for every byte of every answer is looked up.
constexpr auto must_be_escaped = [] {
  std::array<bool, 256> out{};
  for (std::size_t c = 0; c < 0x20; ++c) out[c] = true;
  out['"'] = out['\\'] = true;
  return out;
}();

constexpr std::size_t longest_number = 32;

bool is_plain(std::string_view text) {
  for (const char c : text) {
    if (must_be_escaped[static_cast<unsigned char>(c)]) return false;
  }
  return true;
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

std::string escaped(std::string_view text) {
  std::string out;
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!must_be_escaped[static_cast<unsigned char>(text[i])]) continue;
    out.append(text, plain_from, i - plain_from);
    append_escaped(out, text[i]);
    plain_from = i + 1;
  }
  return out.append(text, plain_from);
}

char* copy(char* to, std::string_view text) { return std::copy(text.begin(), text.end(), to); }

}  // namespace

// Where the next `bytes` may be written; how many it were, end_at() says.
inline char* JsonWriter::room(std::size_t bytes) {
  const std::size_t needed = size_ + bytes;
  if (needed > out_.size()) out_.resize(std::max(needed, 2 * out_.size()));
  return out_.data() + size_;
}

inline void JsonWriter::end_at(const char* end) { size_ = static_cast<std::size_t>(end - out_.data()); }

// The same for a value or a key, with the comma that comes before. Outside of objects and arrays only one
// value may stand.
inline char* JsonWriter::begin(std::size_t bytes) {
  assert(depth_ > 0 || size_ == 0);
  char* at = room(bytes + 1);
  if (needs_comma_) *at++ = ',';
  needs_comma_ = true;
  return at;
}

void JsonWriter::put_quoted(std::string_view text) {
  if (!is_plain(text)) return put_between_quotes(escaped(text));
  put_between_quotes(text);
}

void JsonWriter::put_between_quotes(std::string_view text) {
  char* at = begin(text.size() + 2);
  *at++ = '"';
  at = copy(at, text);
  *at++ = '"';
  end_at(at);
}

template <class Number>
void JsonWriter::put_number(Number value) {
  char* const at = begin(longest_number);
  end_at(std::to_chars(at, at + longest_number, value).ptr);
}

void JsonWriter::open(char bracket) {
  char* at = begin(1);
  *at++ = bracket;
  end_at(at);
  ++depth_;
  needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
  assert(depth_ > 0 && out_[size_ - 1] != ':');
  *room(1) = bracket;
  ++size_;
  --depth_;
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() { return open('{'), *this; }
JsonWriter& JsonWriter::end_object() { return close('}'), *this; }
JsonWriter& JsonWriter::begin_array() { return open('['), *this; }
JsonWriter& JsonWriter::end_array() { return close(']'), *this; }

JsonWriter& JsonWriter::key(std::string_view name) {
  assert(depth_ > 0 && out_[size_ - 1] != ':');
  put_quoted(name);
  *room(1) = ':';
  ++size_;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) { return put_quoted(text), *this; }
JsonWriter& JsonWriter::number(std::int64_t value) { return put_number(value), *this; }

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  return put_number(value), *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? std::string_view("true") : "false"); }
JsonWriter& JsonWriter::null() { return raw(std::string_view("null")); }
JsonWriter& JsonWriter::raw(const RawJson& json) { return raw(std::string_view(json.text)); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  assert(!json.empty());
  end_at(copy(begin(json.size()), json));
  return *this;
}

JsonWriter& JsonWriter::time(WallTime value) {
  char* at = begin(time_text_length + 2);
  *at++ = '"';
  at = write_text(at, value);
  *at++ = '"';
  end_at(at);
  return *this;
}

std::string JsonWriter::take() {
  out_.resize(std::exchange(size_, 0));
  return std::move(out_);
}

}  // namespace longhaul::api
