#include "api/web_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "api/limits.h"

namespace longhaul::api {
namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Unreserved, reserved or '%' (RFC 3986, section 2).
bool is_url_char(char c) {
  return is_letter_or_digit(c) ||
         std::string_view("-._~:/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
}

bool has_broken_escape(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (at + 2 >= text.size() || !is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2])) return true;
  }
  return false;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

base::Failure<UrlFault> fault(std::string detail) { return {UrlFault{std::move(detail)}}; }

// Letters, digits, '-', '.' and '_'. No escapes, which some programs decode and some do not.
bool is_host_name(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

bool is_ipv6_text(std::string_view host) {
  return host.find(':') != std::string_view::npos &&
         std::ranges::all_of(host, [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; });
}

// 1 to 65535 without a sign or zeros before it.
std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!whole || text.front() == '0') return std::nullopt;
  return port;
}

base::Result<WebUrl, UrlFault> read_authority(WebUrl url, std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) return fault("must not hold a user name or password");
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return fault("must close the bracket of its IPv6 address");
    host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
    url.is_ipv6_literal = true;
    if (!is_ipv6_text(host)) return fault("must have an IPv6 address, without a zone, in its brackets");
  } else {
    const std::size_t colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) rest = authority.substr(colon);
    if (host.empty()) return fault("must name a host");
    if (!is_host_name(host)) {
      return fault("must have a host of letters, digits, '-', '.' and '_' (xn--... for other letters)");
    }
  }
  url.host = to_lower(host);
  if (rest.empty()) return url;
  const auto port = rest.size() > 1 && rest.front() == ':' ? read_port(rest.substr(1)) : std::nullopt;
  if (!port) return fault("must have a port from 1 to 65535 where it has a ':' behind its host");
  url.port = *port;
  return url;
}

}  // namespace

base::Result<WebUrl, UrlFault> read_web_url(std::string_view text) {
  if (text.size() > limits::callback_url_chars) {
    return fault("must be at most " + std::to_string(limits::callback_url_chars) + " characters");
  }
  if (!std::ranges::all_of(text, is_url_char) || has_broken_escape(text)) {
    return fault("must hold only the characters of a URL: others are written as %XX");
  }
  constexpr std::string_view mark = "://";
  const std::size_t colon = text.find(mark);
  WebUrl url;
  url.scheme = to_lower(text.substr(0, colon));
  if (colon == std::string_view::npos || (url.scheme != "http" && url.scheme != "https")) {
    return fault("must begin with http:// or https://");
  }
  url.port = url.scheme == "http" ? http_port : https_port;
  if (text.find('#') != std::string_view::npos) return fault("must not have a fragment ('#')");
  const std::string_view behind = text.substr(colon + mark.size());
  return read_authority(std::move(url), behind.substr(0, behind.find_first_of("/?")));
}

std::string origin_of(const WebUrl& url) {
  const std::string host = url.is_ipv6_literal ? "[" + url.host + "]" : url.host;
  return url.scheme + "://" + host + ":" + std::to_string(url.port);
}

}  // namespace longhaul::api
