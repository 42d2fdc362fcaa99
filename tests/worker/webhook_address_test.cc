#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "worker/webhooks/address_guard.h"
#include "worker/webhooks/callback_url.h"

using namespace longhaul;
using namespace worker::webhooks;

namespace {

AddressGuard guard_of(std::initializer_list<const char*> ranges = {}, std::vector<std::uint16_t> ports = {}) {
  AddressGuard::Options options;
  for (const char* range : ranges) options.allow_addresses.push_back(AddressRange::parse(range).value());
  options.allow_ports = std::move(ports);
  return AddressGuard(std::move(options));
}

sockaddr_storage endpoint(const std::string& address, std::uint16_t port) {
  sockaddr_storage storage{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    REQUIRE(inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}

std::optional<std::string> refusal(const AddressGuard& guard, const std::string& address,
                                   std::uint16_t port = 443) {
  const sockaddr_storage storage = endpoint(address, port);
  return guard.refusal(reinterpret_cast<const sockaddr&>(storage));
}

std::optional<std::string> refusal_of_connection(const AddressGuard& guard, const std::string& address,
                                                 std::uint16_t port = 443) {
  const sockaddr_storage storage = endpoint(address, port);
  return guard.refusal_of_connection(reinterpret_cast<const sockaddr&>(storage));
}

bool may(const AddressGuard& guard, const std::string& address, std::uint16_t port = 443) {
  return !refusal(guard, address, port).has_value();
}

// The edges of each range, from both sides.
constexpr const char* public_addresses = R"(
1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0
192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255
203.0.114.0 223.255.255.255 2000::1 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1
2606:4700:4700::1111 2a00:1450::1 3ffe:ffff::1 3fff:1000::1)";
constexpr const char* special_addresses = R"(
0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.0.0.1
127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0
192.0.0.8 192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255
192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8
64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 64:ff9b:1:ffff::10.0.0.1 100::1 100:0:0:1::1 2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1 2002::1
2002:7f00:1::1 2002:a00:1:: 2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 6000::1 8000::1
fbff::1 fc00::1 fd12:3456::1 fe00::1 fe80::1 febf::1 fec0::1 feff::1 ff00::1 ff02::1 ffff::1)";

// Each of these leads, or is meant to lead, to where no delivery may go, or cannot be read in one way only.
constexpr const char* hostile_urls = R"(
http://127.0.0.1/ https://127.0.0.1 http://127.0.0.1:80/ http://127.1/ http://127.0.1/
http://127.255.255.254/ http://2130706433/ http://0x7f000001/ http://0x7F.0x0.0x0.0x1/ http://0x7f.1/
http://0177.0.0.1/ http://017700000001/ http://0177.0.0.0x1/ http://127.0x0.1/ http://127.0.0.1./
http://127.1./ http://0/ http://0.0.0.0/ http://00000000/ http://0x0/ http://127.000.000.001/
http://127%2e0%2e0%2e1/ http://%31%32%37.0.0.1/ http://localhost/ http://LOCALHOST/ http://localhost./
http://a.localhost/ https://a.b.LocalHost./x http://10.0.0.1/ http://10.255.255.255/ http://167772161/
http://0xa.1/ http://012.0.0.1/ http://172.16.0.1/ http://172.31.255.255/ http://192.168.1.1/
http://0xc0a80101/ http://169.254.169.254/latest/meta-data/ http://2852039166/ http://0xa9fea9fe/
http://0251.0376.0251.0376/ http://169.254.43518/ http://100.100.100.200/ http://198.18.0.1/
http://192.0.0.192/ http://192.0.2.1/ http://198.51.100.1/ http://203.0.113.1/ http://224.0.0.1/
http://239.255.255.250/ http://240.0.0.1/ http://255.255.255.255/ http://4294967295/ http://[::1]/
https://[::1]:443/ http://[0:0:0:0:0:0:0:1]/ http://[0000::0001]/ http://[::]/
http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[0:0:0:0:0:ffff:127.0.0.1]/
http://[::FFFF:10.0.0.1]/ http://[::ffff:169.254.169.254]/ http://[::ffff:8.8.8.8]/
http://[::127.0.0.1]/ http://[64:ff9b::127.0.0.1]/ http://[64:ff9b::a9fe:a9fe]/
http://[64:ff9b:1::a00:1]/ http://[2002:7f00:1::]/ http://[2002:a00:1::1]/ http://[2001:0:7f00:1::]/
http://[fe80::1]/ http://[fe80::1%25lo]/ http://[fe80::1%25eth0]/ http://[fe80::1%lo]/
http://[2606:4700::1%25lo]/ http://[fc00::1]/ http://[fd00:ec2::254]/ http://[ff02::1]/
http://[fec0::1]/ http://[100::1]/ http://[2001:db8::1]/ http://[4000::1]/ http://example.com:22/
http://8.8.8.8:22/ http://8.8.8.8:6379/ https://1.1.1.1:8443/ http://8.8.8.8:0/ http://8.8.8.8:65536/
http://8.8.8.8:-1/ http://8.8.8.8:80x/ http://user@example.com/ http://user:secret@example.com/
http://:secret@example.com/ http://@example.com/ http://example.com@127.0.0.1/ http://8.8.8.8@127.0.0.1/
http://example.com%40127.0.0.1/ http://example.com:80@127.0.0.1/ http://a@b@127.0.0.1/
https://example.com:443:80@127.0.0.1/ ftp://example.com/ file:///etc/passwd gopher://127.0.0.1:6379/_x
dict://127.0.0.1:11211/ ldap://example.com/ ws://example.com/ unix:/run/x.sock javascript:alert(1)
data:,x / //example.com/ example.com example.com/hook http: http:// http:/// http:///path
http:/example.com/ http:example.com http:////example.com/ https://?x https://#x http://:80/ http://[::1
http://::1/ http://[]/ http://[127.0.0.1]/ http://[::1]x/ http://exam^ple.com/ http://a,b/ http://a|b/)";
constexpr const char* odd_urls[] = {"http://example.com\\@127.0.0.1/",
                                    "",
                                    "http://exa mple.com/",
                                    " http://example.com/",
                                    "http://example.com/ ",
                                    "http://example.com/\n",
                                    "http://example.com/\r\nHost: x",
                                    "http://ex\tample.com/",
                                    "http://example.com\x7f/",
                                    "http://ex\u00e4mple.com/",
                                    "http://\u2460\u2461\u2466.0.0.1/",
                                    "http://127\u30020\u30020\u30021/",
                                    "http://example.com\\.evil/"};

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

}  // namespace

TEST_CASE("webhook addresses: only global unicast, to the edges of each range") {
  const AddressGuard guard = guard_of();
  for (const std::string& address : words(public_addresses)) {
    CAPTURE(address);
    CHECK(may(guard, address));
  }
  for (const std::string& address : words(special_addresses)) {
    CAPTURE(address);
    CHECK_FALSE(may(guard, address));
  }
  CHECK(refusal(guard, "127.0.0.1") == "127.0.0.1 is a loopback address");
  CHECK(refusal(guard, "169.254.169.254") == "169.254.169.254 is a link-local address");
  CHECK(refusal(guard, "::ffff:8.8.8.8") == "::ffff:8.8.8.8 is IPv4 written as IPv6");
  sockaddr other{};
  other.sa_family = AF_UNIX;
  CHECK(guard.refusal(other).has_value());
}

TEST_CASE("webhook addresses: those of this machine are refused when they are connected to, be they global") {
  AddressGuard::Options options;
  options.is_own = [](const std::uint8_t* bytes, std::size_t count) {
    return AddressRange::parse("8.8.8.8").value().contains(bytes, count) ||
           AddressRange::parse("2606:4700::7").value().contains(bytes, count);
  };
  const AddressGuard guard(options);
  CHECK(refusal_of_connection(guard, "8.8.8.8") == "8.8.8.8 is an address of this machine");
  CHECK(refusal_of_connection(guard, "2606:4700::7") == "2606:4700::7 is an address of this machine");
  CHECK_FALSE(refusal_of_connection(guard, "8.8.8.9"));
  CHECK_FALSE(refusal_of_connection(guard, "2606:4700::8"));
  CHECK(refusal_of_connection(guard, "10.0.0.1") == "10.0.0.1 is a private address");
  CHECK(may(guard, "8.8.8.8"));  // as far as can be told without asking the system
  options.allow_addresses = {AddressRange::parse("8.8.8.0/24").value()};
  const AddressGuard opened(options);
  CHECK_FALSE(refusal_of_connection(opened, "8.8.8.8", 8080));
  CHECK(refusal_of_connection(opened, "2606:4700::7").has_value());
}

TEST_CASE("webhook addresses: this machine knows which are its own") {
  const std::uint8_t loopback[] = {127, 0, 0, 1};
  const std::uint8_t other[] = {8, 8, 8, 8};
  CHECK(is_own_address(loopback, 4));
  CHECK_FALSE(is_own_address(other, 4));
  ifaddrs* first = nullptr;
  REQUIRE(getifaddrs(&first) == 0);
  int count = 0;
  for (const ifaddrs* next = first; next != nullptr; next = next->ifa_next) {
    if (next->ifa_addr == nullptr || next->ifa_addr->sa_family != AF_INET6) continue;
    sockaddr_in6 v6{};
    std::memcpy(&v6, next->ifa_addr, sizeof v6);
    CHECK(is_own_address(v6.sin6_addr.s6_addr, 16));
    v6.sin6_addr.s6_addr[1] ^= 0x55;
    CHECK_FALSE(is_own_address(v6.sin6_addr.s6_addr, 16));
    ++count;
  }
  freeifaddrs(first);
  MESSAGE(count, " addresses of IPv6");
}

TEST_CASE("webhook addresses: ports 80, 443 and those opened; every port of an address that is opened") {
  const AddressGuard guard = guard_of({"10.1.0.0/16", "fd00:1::/32", "192.0.2.7"}, {8443});
  CHECK(may(guard, "8.8.8.8", 80));
  CHECK(may(guard, "8.8.8.8", 443));
  CHECK(may(guard, "8.8.8.8", 8443));
  for (const int port : {0, 22, 25, 79, 81, 442, 444, 6379, 8080, 65535}) {
    CAPTURE(port);
    CHECK_FALSE(may(guard, "8.8.8.8", static_cast<std::uint16_t>(port)));
    CHECK(may(guard, "10.1.2.3", static_cast<std::uint16_t>(port)));
  }
  CHECK(may(guard, "fd00:1::9", 22));
  CHECK(may(guard, "192.0.2.7", 22));
  CHECK_FALSE(may(guard, "192.0.2.6"));
  CHECK_FALSE(may(guard, "10.2.0.0"));
  CHECK_FALSE(may(guard, "10.0.255.255"));
  CHECK_FALSE(may(guard, "fd00:2::9"));
  // What is opened as IPv4 is not opened by its other names.
  CHECK_FALSE(may(guard, "::ffff:10.1.2.3"));
  CHECK_FALSE(may(guard, "64:ff9b::a01:203"));
  CHECK(may(guard_of({"0.0.0.0/0"}), "127.0.0.1", 1));
  CHECK_FALSE(may(guard_of({"0.0.0.0/0"}), "::1"));
  CHECK(may(guard_of({"::/0"}), "::1", 1));
}

TEST_CASE("webhook addresses: ranges as people write them") {
  for (const char* text : {"127.0.0.0/8", "127.0.0.1", "0.0.0.0/0", "10.0.0.0/32", "::1", "::/0", "fe80::/10",
                           "fd00::/8", "::ffff:0:0/96"}) {
    CAPTURE(text);
    CHECK(AddressRange::parse(text).ok());
  }
  for (const char* text :
       {"", "/8", "localhost", "127.0.0.0/33", "127.0.0.0/", "127.0.0.0/-1", "127.0.0.0/ 8", "127.0.0.0/8x",
        "127.1/8", "127.0.0.1/8", "::1/127", "fd00::/129", "[::1]", "10.0.0.0 /8", "10.0.0.0/8/8"}) {
    CAPTURE(text);
    CHECK_FALSE(AddressRange::parse(text).ok());
  }
}

TEST_CASE("callback URL: hostile ones are refused at the start where that can be known") {
  const AddressGuard guard = guard_of();
  std::vector<std::string> urls = words(hostile_urls);
  urls.insert(urls.end(), std::begin(odd_urls), std::end(odd_urls));
  for (const std::string& url : urls) {
    CAPTURE(url);
    CHECK(fault_of_url(url, guard).has_value());
  }
  CHECK(urls.size() >= 100);
  CHECK(fault_of_url("https://example.com/" + std::string(2'048, 'a'), guard).has_value());
}

TEST_CASE("callback URL: honest ones, and what the operator has opened") {
  const AddressGuard guard = guard_of();
  for (const char* url :
       {"https://example.com", "https://example.com/", "HTTPS://Example.COM/Hook",
        "http://example.com:80/a/b?c=d&e=%20", "https://example.com:443/", "https://8.8.8.8/",
        "http://134744072/", "https://[2606:4700:4700::1111]/hook", "https://xn--exmple-cua.com/",
        "https://example.com./", "https://a_b.example.com/", "https://example.com/a@b",
        "https://example.com/?to=a@b", "https://example.com/?url=http://127.0.0.1/",
        "https://127.0.0.1.example.com/", "https://localhost.example.com/"}) {
    CAPTURE(std::string(url));
    CHECK(fault_of_url(url, guard).value_or("") == "");
  }
  const AddressGuard open = guard_of({"127.0.0.0/8"}, {8443});
  for (const char* url : {"http://127.0.0.1:9000/", "http://localhost:9000/", "http://127.1:1/",
                          "https://8.8.8.8:8443/", "https://example.com:8443/"}) {
    CAPTURE(std::string(url));
    CHECK(fault_of_url(url, open).value_or("") == "");
  }
  CHECK(fault_of_url("http://[::1]:9000/", open).has_value());
  CHECK(fault_of_url("http://[::ffff:127.0.0.1]/", open).has_value());
  CHECK(fault_of_url("http://10.0.0.1/", open).has_value());
}
