// Decides which addresses deliveries may go to. Callers of the API choose the URLs, so that without this any of
// them could make the server speak to the network it stands in (server-side request forgery).
//
// It judges addresses, not names: it is asked again for each connection, with the address that is about to be
// connected to. A name that resolves to something else at the second look gains nothing by it.
//
// Refused: everything but global unicast, that is whatever the IANA special-purpose registries list (RFC 6890
// and later), multicast, reserved space, and IPv6 that stands for IPv4 (mapped, translated, 6to4, Teredo); and
// every port but those named. `allow_addresses` opens addresses, on any port.
//
// A connection may also not lead to an address that an interface of this machine has, be it global: services that
// listen for the inside listen there too.
//
// Pure, but for refusal_of_connection(), which asks the system. A const AddressGuard may be used by any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sockaddr;

namespace longhaul::worker::webhooks {

// A range of addresses: "10.0.0.0/8", "fd00::/8"; without a length it is one address.
class AddressRange {
 public:
  // The error says what is wrong with the text, as in "must be ...".
  [[nodiscard]] static base::Result<AddressRange> parse(std::string_view text);

  // `bytes` in network order, 4 or 16. Ranges of one family hold no address of the other.
  [[nodiscard]] bool contains(const std::uint8_t* bytes, std::size_t count) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::size_t count_ = 0;  // 4 or 16
  unsigned length_ = 0;    // of the prefix, in bits
};

// Whether an interface of this machine has this address now; `bytes` as AddressRange::contains() takes them. True
// when the system does not say, so that nothing gets through for that.
[[nodiscard]] bool is_own_address(const std::uint8_t* bytes, std::size_t count);

class AddressGuard {
 public:
  struct Options {
    std::vector<AddressRange> allow_addresses;
    std::vector<std::uint16_t> allow_ports;  // besides 80 and 443
    std::function<bool(const std::uint8_t*, std::size_t)> is_own = is_own_address;
  };
  explicit AddressGuard(Options options);

  // Nothing when such an address may be connected to, else the reason: "127.0.0.1 is a loopback address".
  [[nodiscard]] std::optional<std::string> refusal(const sockaddr& address) const;
  // The same for a connection that is about to be made, with what this machine's addresses are at the moment.
  [[nodiscard]] std::optional<std::string> refusal_of_connection(const sockaddr& address) const;
  // False when no address at all may be connected to on this port.
  [[nodiscard]] bool is_possible_port(std::uint16_t port) const;

 private:
  struct Endpoint {
    std::array<std::uint8_t, 16> bytes{};
    std::size_t count = 0;  // 4, 16, or 0: no internet address
    std::uint16_t port = 0;
  };
  struct Special {
    AddressRange range;
    std::string_view what;
  };

  [[nodiscard]] static Endpoint endpoint_of(const sockaddr& address);
  [[nodiscard]] bool is_allowed(const Endpoint& endpoint) const;

  Options options_;
  std::vector<Special> special_;
};

}  // namespace longhaul::worker::webhooks
