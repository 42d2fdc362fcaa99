#include "server/auth/host_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "server/auth/ascii.h"
#include "server/config/listen_address.h"

namespace longhaul::server {
namespace {

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Stricter than RFC 3986's reg-name: what a server on a loopback address can sensibly be called.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

bool is_v6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace

std::optional<HostName> parse_host(std::string_view text) {
  HostName host;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host.name = to_lower(text.substr(1, end - 1));
    if (!is_v6(host.name)) return std::nullopt;
    rest = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    host.name = to_lower(text.substr(0, colon));
    if (!is_name(host.name)) return std::nullopt;
    rest = text.substr(colon);
  }
  if (rest.empty()) return host;
  if (rest.front() != ':' || !is_port(rest.substr(1))) return std::nullopt;
  host.port = rest.substr(1);
  return host;
}

bool names_this_machine(std::string_view name) {
  constexpr std::string_view suffix = ".localhost";
  if (name == "localhost") return true;
  if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) return true;
  return is_loopback(name);
}

}  // namespace longhaul::server
