#include "server/http/request_target.h"

#include <algorithm>

#include "api/utf8.h"
#include "server/auth/ascii.h"
#include "server/http/token_chars.h"

namespace longhaul::server {
namespace {

constexpr std::string_view broken_escape =
    "The request target has a % that is not followed by two hexadecimal digits.";
constexpr std::string_view not_utf8 = "The request target is not UTF-8 once decoded.";

// Appends what the escapes stand for. Nothing is decoded twice: the result is final.
bool decode_escapes(std::string_view encoded, std::string& out) {
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      out.push_back(encoded[i]);
      continue;
    }
    const int high = i + 2 < encoded.size() ? hex_value(encoded[i + 1]) : -1;
    const int low = i + 2 < encoded.size() ? hex_value(encoded[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

std::string_view decode(std::string_view encoded, std::string& out) {
  if (encoded.find('%') == std::string_view::npos) {
    out.assign(encoded);
    return {};
  }
  out.clear();
  if (!decode_escapes(encoded, out)) return broken_escape;
  return api::is_utf8(out) ? std::string_view() : not_utf8;
}

std::string_view decode_form(std::string_view encoded, std::string& out) {
  if (encoded.find('+') == std::string_view::npos) return decode(encoded, out);
  std::string spaced(encoded);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return decode(spaced, out);
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

std::string_view split_target(std::string_view method, std::string_view target, TargetParts& out) {
  out = {};
  if (target.empty()) return "The request target is empty.";
  if (!all_in(target_bytes, target)) return "The request target holds a byte that must be percent-encoded.";
  if (target == "*") {
    if (method != "OPTIONS") return "The target * is for OPTIONS alone.";
    out.path = target;
    return {};
  }
  if (target.front() != '/') {
    constexpr std::string_view scheme = "http://";
    if (target.size() < scheme.size() || !equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      return "The request target must be a path that begins with / or an http URL.";
    }
    target.remove_prefix(scheme.size());
    const std::size_t end = target.find_first_of("/?");
    out.authority = target.substr(0, end);
    if (out.authority.empty()) return "The URL in the request line names no host.";
    target = end == std::string_view::npos ? std::string_view() : target.substr(end);
  }
  const std::size_t mark = target.find('?');
  out.path = target.substr(0, mark);
  if (mark != std::string_view::npos) out.query = target.substr(mark + 1);
  if (out.path.empty()) out.path = "/";  // http://host and http://host?query mean the root
  return {};
}

std::string_view decode_path(std::string_view encoded, std::string& out) {
  if (const auto fault = decode(encoded, out); !fault.empty()) return fault;
  if (has_control_character(out)) return "The path holds an encoded control character.";
  return {};
}

std::string repair_path(std::string_view encoded) {
  constexpr std::string_view replacement = "%EF%BF%BD";
  std::string out;
  std::string unused;
  for (std::size_t begin = 0; begin <= encoded.size();) {
    const std::size_t end = std::min(encoded.find('/', begin), encoded.size());
    const std::string_view segment = encoded.substr(begin, end - begin);
    out.append(begin == 0 ? "" : "/").append(decode_path(segment, unused).empty() ? segment : replacement);
    begin = end + 1;
  }
  return out;
}

std::string_view decode_query(std::string_view encoded,
                              std::vector<std::pair<std::string, std::string>>& out) {
  out.clear();
  while (!encoded.empty()) {
    const std::size_t end = encoded.find('&');
    const std::string_view piece = encoded.substr(0, end);
    encoded = end == std::string_view::npos ? std::string_view() : encoded.substr(end + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    auto& [name, value] = out.emplace_back();
    if (const auto fault = decode_form(piece.substr(0, equals), name); !fault.empty()) return fault;
    if (equals == std::string_view::npos) continue;
    if (const auto fault = decode_form(piece.substr(equals + 1), value); !fault.empty()) return fault;
  }
  return {};
}

}  // namespace longhaul::server
