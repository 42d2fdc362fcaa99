#include "worker/webhooks/address_guard.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

namespace longhaul::worker::webhooks {
namespace {

// https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, with multicast and
// what is reserved. Of IPv6 only 2000::/3 is global unicast, so that of the registry only what lies in there has
// to be named; the rest is here for the reason that is told. The first range that fits gives the reason.
struct SpecialText {
  const char* range;
  std::string_view what;
};
constexpr SpecialText special_ranges[] = {
    {"0.0.0.0/8", "an address of \"this network\""},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "an address shared behind carriers' NAT"},
    {"127.0.0.0/8", "a loopback address"},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "an address for protocols"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.31.196.0/24", "an address for protocols"},
    {"192.52.193.0/24", "an address for protocols"},
    {"192.88.99.0/24", "an address of 6to4 relays"},
    {"192.168.0.0/16", "a private address"},
    {"192.175.48.0/24", "an address for protocols"},
    {"198.18.0.0/15", "an address for benchmarks"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved address"},

    {"::/128", "the unspecified address"},
    {"::1/128", "a loopback address"},
    {"::ffff:0:0/96", "IPv4 written as IPv6"},
    {"::/96", "IPv4 written as IPv6"},
    {"64:ff9b::/96", "IPv4 translated to IPv6"},
    {"64:ff9b:1::/48", "IPv4 translated to IPv6"},
    {"100::/64", "an address that discards"},
    {"2001::/32", "an address of a Teredo tunnel"},
    {"2001::/23", "an address for protocols"},
    {"2001:db8::/32", "an address for documentation"},
    {"2002::/16", "an address of a 6to4 tunnel"},
    {"2620:4f:8000::/48", "an address for protocols"},
    {"3fff::/20", "an address for documentation"},
    {"5f00::/16", "an address for protocols"},
    {"fc00::/7", "a private address"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a site-local address"},
    {"ff00::/8", "a multicast address"},
    {"::/3", "a reserved address"},
    {"4000::/2", "a reserved address"},
    {"8000::/1", "a reserved address"},
};

constexpr std::string_view range_rule =
    "must be addresses or ranges of them, as in \"10.1.0.0/16\" or \"fd00::/8\"";

std::string text_of(int family, const void* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(family, bytes, text.data(), text.size()) == nullptr ? std::string("?") : text.data();
}

bool has_bits_behind(const std::array<std::uint8_t, 16>& bytes, std::size_t count, unsigned length) {
  for (unsigned bit = length; bit < count * 8; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return true;
  }
  return false;
}

bool is_open_port(const AddressGuard::Options& options, std::uint16_t port) {
  const auto& opened = options.allow_ports;
  return port == 80 || port == 443 || std::find(opened.begin(), opened.end(), port) != opened.end();
}

}  // namespace

base::Result<AddressRange> AddressRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const std::string address(text.substr(0, slash));
  AddressRange range;
  if (inet_pton(AF_INET, address.c_str(), range.bytes_.data()) == 1) {
    range.count_ = 4;
  } else if (inet_pton(AF_INET6, address.c_str(), range.bytes_.data()) == 1) {
    range.count_ = 16;
  } else {
    return base::fail(std::string(range_rule));
  }
  range.length_ = static_cast<unsigned>(range.count_ * 8);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
        length > range.length_) {
      return base::fail(std::string(range_rule));
    }
    range.length_ = length;
  }
  if (has_bits_behind(range.bytes_, range.count_, range.length_))
    return base::fail("must have no bits set behind the length of the range");
  return range;
}

bool AddressRange::contains(const std::uint8_t* bytes, std::size_t count) const {
  if (count != count_) return false;
  const std::size_t whole = length_ / 8;
  if (!std::equal(bytes, bytes + whole, bytes_.begin())) return false;
  const unsigned rest = length_ % 8;
  return rest == 0 || (bytes[whole] ^ bytes_[whole]) >> (8 - rest) == 0;
}

bool is_own_address(const std::uint8_t* bytes, std::size_t count) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return true;
  bool found = false;
  for (const ifaddrs* next = first; next != nullptr && !found; next = next->ifa_next) {
    if (next->ifa_addr == nullptr) continue;
    if (next->ifa_addr->sa_family == AF_INET && count == 4) {
      sockaddr_in v4{};
      std::memcpy(&v4, next->ifa_addr, sizeof v4);
      found = std::memcmp(&v4.sin_addr, bytes, count) == 0;
    } else if (next->ifa_addr->sa_family == AF_INET6 && count == 16) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, next->ifa_addr, sizeof v6);
      found = std::memcmp(&v6.sin6_addr, bytes, count) == 0;
    }
  }
  freeifaddrs(first);
  return found;
}

AddressGuard::AddressGuard(Options options) : options_(std::move(options)) {
  for (const SpecialText& special : special_ranges)
    special_.push_back({AddressRange::parse(special.range).value(), special.what});
}

AddressGuard::Endpoint AddressGuard::endpoint_of(const sockaddr& address) {
  Endpoint endpoint;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::memcpy(endpoint.bytes.data(), &v4.sin_addr, endpoint.count = 4);
    endpoint.port = ntohs(v4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(endpoint.bytes.data(), &v6.sin6_addr, endpoint.count = 16);
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

bool AddressGuard::is_allowed(const Endpoint& endpoint) const {
  return std::any_of(options_.allow_addresses.begin(), options_.allow_addresses.end(),
                     [&endpoint](const AddressRange& allowed) {
                       return allowed.contains(endpoint.bytes.data(), endpoint.count);
                     });
}

std::optional<std::string> AddressGuard::refusal(const sockaddr& address) const {
  const Endpoint endpoint = endpoint_of(address);
  if (endpoint.count == 0) return "it is no internet address";
  if (is_allowed(endpoint)) return std::nullopt;
  for (const Special& special : special_) {
    if (special.range.contains(endpoint.bytes.data(), endpoint.count))
      return text_of(address.sa_family, endpoint.bytes.data()) + " is " + std::string(special.what);
  }
  if (is_open_port(options_, endpoint.port)) return std::nullopt;
  return "port " + std::to_string(endpoint.port) + " is neither 80 nor 443 nor opened";
}

std::optional<std::string> AddressGuard::refusal_of_connection(const sockaddr& address) const {
  if (auto refused = refusal(address)) return refused;
  const Endpoint endpoint = endpoint_of(address);
  if (is_allowed(endpoint) || !options_.is_own(endpoint.bytes.data(), endpoint.count)) return std::nullopt;
  return text_of(address.sa_family, endpoint.bytes.data()) + " is an address of this machine";
}

bool AddressGuard::is_possible_port(std::uint16_t port) const {
  return !options_.allow_addresses.empty() || is_open_port(options_, port);
}

}  // namespace longhaul::worker::webhooks
