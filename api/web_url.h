// URLs that the server itself is to call. Read strictly, by RFC 3986 and no more, so that every program that
// reads the same URL finds the same host in it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace longhaul::api {

struct WebUrl {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; of an IPv6 address without its brackets
  bool is_ipv6_literal = false;
  std::uint16_t port = 0;  // the scheme's own when none is given
};

// What is wrong: "must ...", for whoever gave it. Absolute, http or https, with a host; no user name or
// password, no fragment, only the ASCII characters that a URL may have.
struct UrlFault {
  std::string detail;
};
[[nodiscard]] base::Result<WebUrl, UrlFault> read_web_url(std::string_view text);

// What is wrong with a URL whose text is sound: where it may not lead, which only the caller knows. "must ...".
using UrlJudge = std::function<std::optional<std::string>(const std::string& url)>;

// "https://example.com:443".
[[nodiscard]] std::string origin_of(const WebUrl& url);

}  // namespace longhaul::api
