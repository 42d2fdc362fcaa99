#include "server/config/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>

namespace longhaul::server {
namespace {

bool is_v4(const std::string& address) {
  in_addr parsed{};
  return ::inet_pton(AF_INET, address.c_str(), &parsed) == 1;
}

bool is_v6(const std::string& address) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

}  // namespace

base::Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return base::fail("must be ADDRESS:PORT, as in 127.0.0.1:8080");
  const std::string_view port_text = text.substr(colon + 1);
  std::string address(text.substr(0, colon));
  ListenAddress listen;
  const char* const end = port_text.data() + port_text.size();
  const auto read = std::from_chars(port_text.data(), end, listen.port);
  if (port_text.empty() || read.ec != std::errc() || read.ptr != end) {
    return base::fail("must end in a port from 0 to 65535 (0: any free one), as in 127.0.0.1:8080");
  }
  if (address == "localhost") address = "127.0.0.1";
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  if (bracketed ? !is_v6(address) : !is_v4(address)) {
    if (!bracketed && is_v6(address)) return base::fail("an IPv6 address needs brackets, as in [::1]:8080");
    return base::fail("must be an address in numbers, as in 127.0.0.1:8080 or [::1]:8080");
  }
  listen.address = std::move(address);
  return listen;
}

std::string to_text(const ListenAddress& listen) {
  const bool v6 = listen.address.find(':') != std::string::npos;
  return (v6 ? "[" + listen.address + "]" : listen.address) + ":" + std::to_string(listen.port);
}

bool is_loopback(std::string_view numeric_address) {
  const std::string address(numeric_address);
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace longhaul::server
