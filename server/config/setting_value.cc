#include "server/config/setting_value.h"

#include <array>
#include <charconv>
#include <cmath>

#include "server/auth/ascii.h"

namespace longhaul::server {
namespace {

// The whole of `text`, or nothing of it.
template <class Number>
bool read_number(std::string_view text, Number& into) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, into);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

TextList split_at_commas(std::string_view text) {
  TextList parts;
  if (trim(text).empty()) return parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.emplace_back(trim(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return parts;
}

base::Failure<base::Error> not_of(ValueKind kind, std::string_view text) {
  return base::fail("must be a " + std::string(name_of(kind)) + ", not " + toml_text(std::string(text)));
}

}  // namespace

std::string_view name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::text: return "text";
    case ValueKind::whole_number: return "whole number";
    case ValueKind::seconds: return "number of seconds";
    case ValueKind::text_list: return "list of texts";
    case ValueKind::text_map: return "table of texts";
    case ValueKind::number_list: return "list of numbers";
  }
  return "";
}

std::string describe(const SettingValue& value) {
  struct Names {
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return number_text(number); }
    std::string operator()(const std::string& text) const { return toml_text(text); }
    std::string operator()(const TextList&) const { return "a list"; }
    std::string operator()(const TextMap&) const { return "a table"; }
    std::string operator()(const NumberList&) const { return "a list of numbers"; }
    std::string operator()(const OtherValue& other) const { return other.what; }
  };
  return std::visit(Names{}, value);
}

base::Result<SettingValue> value_from_text(ValueKind kind, std::string_view text) {
  switch (kind) {
    case ValueKind::text: return SettingValue(std::string(text));
    case ValueKind::text_list: return SettingValue(split_at_commas(text));
    case ValueKind::whole_number: {
      std::int64_t number = 0;
      if (!read_number(text, number)) break;
      return SettingValue(number);
    }
    case ValueKind::seconds: {
      double number = 0;
      if (!read_number(text, number)) break;
      return SettingValue(number);
    }
    case ValueKind::number_list: {
      NumberList list;
      for (const std::string& part : split_at_commas(text)) {
        if (!read_number(part, list.emplace_back())) return not_of(kind, text);
      }
      return SettingValue(list);
    }
    case ValueKind::text_map: break;
  }
  return not_of(kind, text);
}

std::string number_text(double number) {
  constexpr double greatest_in_full = 1e15;
  std::array<char, 64> buffer{};
  char* const end = buffer.data() + buffer.size();
  const bool in_full = number == 0 || (std::abs(number) >= 1e-6 && std::abs(number) <= greatest_in_full);
  const auto written = in_full ? std::to_chars(buffer.data(), end, number, std::chars_format::fixed)
                               : std::to_chars(buffer.data(), end, number);
  return {buffer.data(), written.ptr};
}

std::string toml_text(const std::string& text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 0xF];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_text(const TextList& list) {
  std::string out = "[";
  for (const std::string& text : list) out += (out.size() > 1 ? ", " : "") + toml_text(text);
  return out + "]";
}

std::string toml_text(const NumberList& list) {
  std::string out = "[";
  for (const double number : list) out += (out.size() > 1 ? ", " : "") + number_text(number);
  return out + "]";
}

}  // namespace longhaul::server
