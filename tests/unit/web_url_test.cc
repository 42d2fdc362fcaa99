// URLs that the server is to call: what is in them, and what is refused.
#include "api/web_url.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "api/limits.h"

using namespace longhaul::api;

namespace {

WebUrl read(const std::string& text) {
  const auto url = read_web_url(text);
  if (!url) FAIL(text << " " << url.error().detail);
  return url.value();
}

std::string fault_of(const std::string& text) {
  const auto url = read_web_url(text);
  return url ? "" : url.error().detail;
}

}  // namespace

TEST_CASE("origins are in lower case, with their port") {
  CHECK(origin_of(read("HTTP://Example.COM")) == "http://example.com:80");
  CHECK(origin_of(read("https://example.com?x")) == "https://example.com:443");
  CHECK(origin_of(read("https://example.com:8443/a?b=/c:7/@d")) == "https://example.com:8443");
  CHECK(origin_of(read("http://192.0.2.7:65535/")) == "http://192.0.2.7:65535");
  CHECK(origin_of(read("http://[2001:DB8::1]:8080/")) == "http://[2001:db8::1]:8080");
  CHECK(read("http://[2001:db8::1]/").is_ipv6_literal);
  CHECK(read("http://[2001:db8::1]/").host == "2001:db8::1");
}

TEST_CASE("each fault of a URL is named") {
  const std::string longest = "https://example.com/";
  CHECK(fault_of(longest + std::string(limits::callback_url_chars - longest.size(), 'x')).empty());
  CHECK(fault_of(longest + std::string(limits::callback_url_chars - longest.size() + 1, 'x')) ==
        "must be at most 2048 characters");
  for (const char* text : {"", "example.com", "ftp://example.com", "http:/example.com", "http//example.com",
                           "xhttp://example.com"})
    CHECK(fault_of(text) == "must begin with http:// or https://");
  for (const char* text : {"http://u@example.com/", "http://u:p@example.com", "http://@example.com/",
                           "http://a:b@[::1]/", "http://[@]/"})
    CHECK(fault_of(text) == "must not hold a user name or password");
  for (const char* text : {"http://", "http:///a", "http://?a", "http://:80/"})
    CHECK(fault_of(text) == "must name a host");
  for (const char* text : {"http://example.com/#", "http://example.com#a", "http://a/?b#c"})
    CHECK(fault_of(text) == "must not have a fragment ('#')");
  for (const char* text :
       {"http://example.com:", "http://example.com:0", "http://example.com:01", "http://example.com:65536",
        "http://example.com:+1", "http://example.com:8x", "http://[::1]:/", "http://[::1]x", "http://a:b:c/"})
    CHECK(fault_of(text) == "must have a port from 1 to 65535 where it has a ':' behind its host");
  for (const char* text : {"http://a b/", "http://a/\\", "http://a/\t", "http://a/\x7f", "http://\xC3\xBC/",
                           "http://a/<b>", "http://a/%", "http://a/%4", "http://a/%4g", "http://a/{b}"})
    CHECK(fault_of(text) == "must hold only the characters of a URL: others are written as %XX");
  for (const char* text : {"http://%61.com/", "http://a,b/", "http://a*b/", "http://a]/"})
    CHECK(fault_of(text) ==
          "must have a host of letters, digits, '-', '.' and '_' (xn--... for other letters)");
  CHECK(fault_of("http://[::1/") == "must close the bracket of its IPv6 address");
  for (const char* text : {"http://[]/", "http://[a.b]/", "http://[::1%25eth0]/", "http://[v1.x]/"})
    CHECK(fault_of(text) == "must have an IPv6 address, without a zone, in its brackets");
}
