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
// Pure; a const AddressGuard may be used by any thread.
#pragma once

#include <array>
#include <cstdint>
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

class AddressGuard {
 public:
  struct Options {
    std::vector<AddressRange> allow_addresses;
    std::vector<std::uint16_t> allow_ports;  // besides 80 and 443
  };
  explicit AddressGuard(Options options);

  // Nothing when a connection may be made, else the reason: "127.0.0.1 is a loopback address".
  [[nodiscard]] std::optional<std::string> refusal(const sockaddr& address) const;
  // False when no address at all may be connected to on this port.
  [[nodiscard]] bool is_possible_port(std::uint16_t port) const;

 private:
  struct Special {
    AddressRange range;
    std::string_view what;
  };

  Options options_;
  std::vector<Special> special_;
};

}  // namespace longhaul::worker::webhooks
